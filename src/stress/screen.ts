import { SingleBar } from 'cli-progress';
import { LINE_EVERY_MS, STATUS_EVERY_MS } from '../client/progress';
import type { Clock } from '../core/environment';
import { logLine } from '../core/log-line';

/** stdout, or something like it. */
export type Output = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

/** What the bar shows: the share that is done (0 to 1), and words. */
export interface Showing {
  share: number;
  text: string;
}

const STEPS = 1000;

/**
 * What a person sees of a run: lines, and while it goes a bar on a terminal, or a log line every five seconds for those
 * who read a pipe.
 */
export class Screen {
  #bar: SingleBar | undefined;
  #shown: Showing = { share: 0, text: '' };
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly output: Output,
    private readonly clock: Clock,
  ) {}

  /** Whole lines, above the bar. */
  print(text: string): void {
    // Ended and begun anew, because the bar remembers the row that it stands in.
    this.#bar?.stop();
    this.output.write(`${text}\n`);
    this.#draw(this.#shown);
  }

  /** Shows what `look` says until `stop`. */
  start(look: () => Showing): void {
    if (!this.output.isTTY) {
      this.#timer = setInterval(() => this.#printLine(look().text), LINE_EVERY_MS);
      return;
    }
    this.#bar = newBar(this.output);
    this.#draw(look());
    this.#timer = setInterval(() => this.#draw(look()), STATUS_EVERY_MS);
    // A second Ctrl-C ends the process at once, but not with half a bar before the prompt.
    process.on('exit', this.stop);
  }

  readonly stop = (): void => {
    clearInterval(this.#timer);
    process.off('exit', this.stop);
    this.#bar?.stop();
    this.#bar = undefined;
  };

  #printLine(text: string): void {
    this.print(logLine(new Date(this.clock.wallMs()), 'info', text));
  }

  #draw(showing: Showing): void {
    this.#shown = showing;
    const value = Math.floor(showing.share * STEPS);
    // Characters of another width would break the line.
    const payload = { text: showing.text.replace(/[^\x20-\x7e]/g, '?') };
    if (this.#bar?.isActive) this.#bar.update(value, payload);
    else this.#bar?.start(STEPS, value, payload);
  }
}

function newBar(stream: Output): SingleBar {
  return new SingleBar({
    ...{ stream, format: '[{bar}] {percentage}% {text}', barsize: 12, fps: 1000 / STATUS_EVERY_MS },
    // The bar cuts its line itself: a terminal whose wrapping is off and cursor hidden would stay so after a kill.
    ...{ linewrap: true, hideCursor: false, clearOnComplete: true },
  });
}

/** The display of a run: lines, and while it runs a bar on a terminal, or otherwise a log line every five seconds. */
import { SingleBar } from 'cli-progress';
import { LINE_EVERY_MS, STATUS_EVERY_MS } from '../client/progress';
import type { Clock } from '../core/environment';
import { logLine } from '../core/log-line';

/** stdout or a similar stream. */
export type Output = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

/** The content of the bar: the share completed (0 to 1), and text. */
export interface Showing {
  share: number;
  text: string;
}

const STEPS = 1000;

export class Screen {
  private bar: SingleBar | undefined;
  private shown: Showing = { share: 0, text: '' };
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly output: Output,
    private readonly clock: Clock,
  ) {}

  /** Prints whole lines above the bar. */
  print(text: string): void {
    // Stopped and restarted, because the bar remembers its row.
    this.bar?.stop();
    this.output.write(`${text}\n`);
    this.draw(this.shown);
  }

  /** Shows what `look` returns until `stop`. */
  start(look: () => Showing): void {
    if (!this.output.isTTY) {
      this.timer = setInterval(() => this.printLine(look().text), LINE_EVERY_MS);
      return;
    }
    this.bar = newBar(this.output);
    this.draw(look());
    this.timer = setInterval(() => this.draw(look()), STATUS_EVERY_MS);
    // A second Ctrl-C ends the process at once, but must not leave half a bar before the prompt.
    process.on('exit', this.stop);
  }

  readonly stop = (): void => {
    clearInterval(this.timer);
    process.off('exit', this.stop);
    this.bar?.stop();
    this.bar = undefined;
  };

  private printLine(text: string): void {
    this.print(logLine(new Date(this.clock.wallMs()), 'info', text));
  }

  private draw(showing: Showing): void {
    this.shown = showing;
    const value = Math.floor(showing.share * STEPS);
    // Wide characters would break the line.
    const payload = { text: showing.text.replace(/[^\x20-\x7e]/g, '?') };
    if (this.bar?.isActive) this.bar.update(value, payload);
    else this.bar?.start(STEPS, value, payload);
  }
}

function newBar(stream: Output): SingleBar {
  return new SingleBar({
    stream,
    format: '[{bar}] {percentage}% {text}',
    barsize: 12,
    fps: 1000 / STATUS_EVERY_MS,
    // The bar cuts its line itself: a terminal left with wrapping off and the cursor hidden would stay so after a kill.
    linewrap: true,
    hideCursor: false,
    clearOnComplete: true,
  });
}

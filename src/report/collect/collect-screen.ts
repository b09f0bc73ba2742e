/** Shows the progress of each machine during collection: as bars on a terminal, else in a line every five seconds. */
import { MultiBar, type SingleBar } from 'cli-progress';
import type { MachineState } from './collect-remote';

/** stdout or a similar stream. */
export type Output = NodeJS.WritableStream & { isTTY?: boolean };

/** The intervals of redrawing bars and, without a terminal, of printing a line. */
const BARS_EVERY_MS = 200;
const LINE_EVERY_MS = 5000;

/** Shows the progress until the returned function is called. */
export function showStates(
  states: readonly MachineState[],
  output: Output | undefined,
  say: (line: string) => void,
): () => void {
  if (!output?.isTTY) {
    const timer = setInterval(() => say(`  ${states.map(stateText).join('; ')}`), LINE_EVERY_MS);
    return () => clearInterval(timer);
  }
  const multi = newBars(output);
  const nameWidth = Math.max(...states.map(({ name }) => name.length));
  const bars = states.map((state) => [state, multi.create(1, 0, payload(state, nameWidth))] as const);
  const timer = setInterval(() => bars.forEach(([state, bar]) => draw(state, bar, nameWidth)), BARS_EVERY_MS);
  return () => {
    clearInterval(timer);
    multi.stop();
  };
}

function newBars(stream: NodeJS.WritableStream): MultiBar {
  return new MultiBar({
    stream,
    format: '{name} [{bar}] {text}',
    barsize: 20,
    fps: 1000 / BARS_EVERY_MS,
    // Like the bar of stress: a kill must not leave the terminal in a changed state.
    linewrap: true,
    hideCursor: false,
    clearOnComplete: true,
    emptyOnZero: true,
  });
}

function draw(state: MachineState, bar: SingleBar, nameWidth: number): void {
  bar.setTotal(Math.max(1, state.totalFiles));
  bar.update(state.files, payload(state, nameWidth));
}

function payload(state: MachineState, nameWidth: number): { name: string; text: string } {
  return { name: state.name.padEnd(nameWidth), text: progressText(state) };
}

function stateText(state: MachineState): string {
  return `${state.name}: ${progressText(state)}`;
}

function progressText({ state, files, totalFiles, bytes }: MachineState): string {
  if (state !== 'fetching' && state !== 'done') return state;
  return `${files} of ${totalFiles} files, ${(bytes / 1e6).toFixed(1)} MB`;
}

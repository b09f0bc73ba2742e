import { PassThrough } from 'node:stream';
import { systemClock } from '../../src/core/system/system-clock';
import { type Output, Screen } from '../../src/stress/screen';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function screen(tty: { isTTY?: boolean; columns?: number }) {
  const output: Output = Object.assign(new PassThrough(), tty);
  let text = '';
  output.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { shown: new Screen(output, systemClock), text: () => ((output as PassThrough).read(), text) };
}

it('on a pipe: a plain log line every five seconds, and no control characters', async () => {
  const { shown, text } = screen({});
  shown.start(() => ({ share: 0.5, text: 'half \u001b[2J' }));
  await jest.advanceTimersByTimeAsync(10_500);
  shown.stop();
  await jest.advanceTimersByTimeAsync(60_000);
  expect(text()).toMatch(/^(\[.{19}\] INFO half \\u001b\[2J\n){2}$/);
});

it('on a terminal: a bar within its width, of plain characters, removed at the end', async () => {
  const { shown, text } = screen({ isTTY: true, columns: 40 });
  shown.start(() => ({ share: 0.5, text: `one 漢\u001b[2J${'x'.repeat(100)}` }));
  await jest.advanceTimersByTimeAsync(3000);
  shown.print('a line');
  shown.stop();
  const drawn = text().split('\u001b[1G');
  const bars = drawn.filter((part) => part.startsWith('['));
  expect(bars.length).toBeGreaterThan(1);
  for (const bar of bars) expect(bar.split('\u001b')[0]!.length).toBeLessThanOrEqual(40);
  expect(bars[0]).toContain('[======------] 50% one ??[2Jxxx');
  // Wrapping and the cursor are never switched off: a kill leaves the terminal as it was.
  expect(text()).not.toMatch(/\u001b\[\?/);
  expect(text()).toContain('\u001b[2Ka line\n');
  expect(text().endsWith('\u001b[2K')).toBe(true);
  expect(process.listeners('exit')).not.toContain(shown.stop);
});

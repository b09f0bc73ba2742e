import { TimeSlices } from '../../src/server/time-slices';

/** Work that takes 4 ms each, on its own clock; `turn` is one turn of the event loop. */
function rig() {
  let nowMs = 0;
  const turns: (() => void)[] = [];
  const done: string[] = [];
  const slices = new TimeSlices({ nowMs: () => nowMs, afterTurn: (callback) => void turns.push(callback) });
  return {
    done,
    run: (...names: string[]) =>
      names.forEach((name) =>
        slices.run(() => {
          nowMs += 4;
          done.push(name);
        }),
      ),
    turn: () => turns.splice(0).forEach((callback) => callback()),
    pending: () => turns.length,
  };
}

it('runs at once while there is time in this turn', () => {
  const { run, done } = rig();
  run('a', 'b', 'c');
  expect(done).toEqual(['a', 'b', 'c']);
});

it('waits for the next turn after 10 ms, in order, later work behind it', () => {
  const { run, done, turn } = rig();
  run('a', 'b', 'c', 'd', 'e', 'f', 'g');
  expect(done.join('')).toBe('abc');
  turn();
  expect(done.join('')).toBe('abcdef');
  run('h');
  expect(done.join('')).toBe('abcdef');
  turn();
  expect(done.join('')).toBe('abcdefgh');
});

it('gets a whole slice again in each turn, and needs no turn when there is no work', () => {
  const { run, done, turn, pending } = rig();
  run('a', 'b');
  turn();
  expect(pending()).toBe(0);
  run('c', 'd', 'e');
  expect(done.join('')).toBe('abcde');
});

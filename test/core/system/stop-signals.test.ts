import type * as StopSignals from '../../../src/core/system/stop-signals';
import { catchStopSignals, type StopSignal, withInterrupt } from '../../../src/core/system/stop-signals';

const NAMES: StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];
const before = new Map(NAMES.map((name) => [name, process.listeners(name)]));

/** The number of listeners per signal besides those of the test's own program. */
const added = (): number[] => NAMES.map((name) => process.listenerCount(name) - before.get(name)!.length);

afterEach(() => {
  for (const name of NAMES) {
    process.removeAllListeners(name);
    for (const listener of before.get(name)!) process.on(name, listener);
  }
});

it.each<[string, StopSignal[], string[]]>([
  ['each is a first one', ['SIGHUP'], ['first SIGHUP']],
  ['a second Ctrl-C ends at once', ['SIGINT', 'SIGINT'], ['first SIGINT', 'second SIGINT']],
  ['SIGTERM after Ctrl-C, too', ['SIGINT', 'SIGTERM'], ['first SIGINT', 'second SIGTERM']],
  ['a closed terminal sends two', ['SIGHUP', 'SIGHUP', 'SIGHUP'], ['first SIGHUP']],
  ['systemd may send both', ['SIGTERM', 'SIGHUP'], ['first SIGTERM']],
  ['an order after a hang-up ends at once', ['SIGHUP', 'SIGTERM'], ['first SIGHUP', 'second SIGTERM']],
  ['also after several', ['SIGHUP', 'SIGHUP', 'SIGINT'], ['first SIGHUP', 'second SIGINT']],
  ['Ctrl-\\ is an order', ['SIGQUIT', 'SIGQUIT'], ['first SIGQUIT', 'second SIGQUIT']],
])('%s', (_, signals, expected) => {
  const told: string[] = [];
  catchStopSignals({ first: (name) => told.push(`first ${name}`), second: (name) => told.push(`second ${name}`) });
  for (const name of signals) process.emit(name, name);
  expect(told).toEqual(expected);
});

it('leaves nothing behind after uninterrupted work', async () => {
  await expect(withInterrupt(async (signal) => [signal.aborted, added()])).resolves.toEqual([false, [1, 1, 1, 1]]);
  expect(added()).toEqual([0, 0, 0, 0]);
});

it('aborts the work, and stays until the process ends: another hang-up must not cut off its output', async () => {
  const isAborted = await withInterrupt(async (signal) => {
    process.emit('SIGHUP', 'SIGHUP');
    return signal.aborted;
  });
  expect({ isAborted, added: added() }).toEqual({ isAborted: true, added: [1, 1, 1, 1] });
});

function freshModule(): typeof StopSignals {
  jest.resetModules();
  return jest.requireActual('../../../src/core/system/stop-signals');
}

it('ends at once where nobody catches them, and not while somebody does or the system is to', () => {
  // A module of its own: the shared one still has a stop in progress.
  const { catchStopSignals: caught, endOnStopSignals, interruptibly } = freshModule();
  const told: string[] = [];
  const hangUp = (): boolean => process.emit('SIGHUP', 'SIGHUP');
  endOnStopSignals((name) => told.push(`at once ${name}`));
  hangUp();
  const release = caught({ first: () => undefined, second: () => undefined });
  expect(interruptibly(added)).toEqual([1, 1, 1, 1]);
  release();
  expect(interruptibly(added)).toEqual([0, 0, 0, 0]);
  hangUp();
  caught({ first: (name) => told.push(`first ${name}`), second: () => undefined });
  hangUp();
  expect(told).toEqual(['at once SIGHUP', 'at once SIGHUP', 'first SIGHUP']);
});

import type { Driver, ServerProcess } from '../../../src/faults/driver';
import { Watchdog } from '../../../src/faults/agent/watchdog';
import type { OpenFault } from '../../../src/faults/agent/lock';
import { processOf, refuse } from '../ring-rig';

const MINUTE_MS = 60_000;
const FOUND = { ...processOf(7), isPaused: false };

/** One server with the given driver, and what the watchdog said, noted and waited for. */
function rigOf(driver: Partial<Driver>) {
  const said: string[] = [];
  const notes: (OpenFault | null)[] = [];
  const waits: number[] = [];
  const whole: Driver = {
    find: async () => FOUND,
    status: async () => null,
    inject: async () => null,
    heal: async () => processOf(8),
    ...driver,
  };
  const watchdog = new Watchdog({
    driver: whole,
    say: (id, text) => void said.push(`${id} ${text}`),
    note: (_, open) => void notes.push(open),
    wait: async (ms) => void waits.push(ms),
  });
  return { watchdog, said, notes, waits };
}

it('notes a fault with its process before injecting it, until it is healed', async () => {
  const notesAtInjection: unknown[] = [];
  const { watchdog, notes } = rigOf({ inject: async () => (notesAtInjection.push(...notes), null) });
  await watchdog.inject(1, FOUND, { kind: 'pause' }, MINUTE_MS);
  expect(notesAtInjection).toEqual([{ kind: 'pause', process: FOUND }]);
  await watchdog.heal(1, 'pause', FOUND);
  expect(notes.slice(1)).toEqual([null]);
});

it('does not restart a server that somebody else has started already', async () => {
  const healed: ServerProcess[] = [];
  const { watchdog, said, notes } = rigOf({ heal: async (_, __, process) => (healed.push(process), process) });
  await watchdog.inject(1, FOUND, { kind: 'kill' }, MINUTE_MS);
  await watchdog.healAll('the controller is gone');
  expect(healed).toEqual([]);
  expect(said).toEqual(['1 after the fault "kill" it is already running (PID 7): the controller is gone']);
  expect(notes.at(-1)).toBe(null);
});

it('retries after a while if a server does not come back, and keeps its note', async () => {
  let isHealable = false;
  const heal = async () => (isHealable ? processOf(8) : refuse('no cover'));
  const { watchdog, said, notes, waits } = rigOf({ find: async () => null, heal });
  await watchdog.inject(1, FOUND, { kind: 'kill' }, MINUTE_MS);
  await watchdog.healAll('the controller is gone');
  expect(said).toEqual(Array(3).fill('1 the fault "kill" cannot be healed: no cover'));
  expect(waits).toEqual([1000, 1000]);
  expect(notes.at(-1)).toMatchObject({ kind: 'kill' });
  isHealable = true;
  // Ends its timer, which would keep jest's worker running for a minute.
  await watchdog.heal(1, 'kill', FOUND);
});

describe('a fault that failed halfway', () => {
  const failing = (driver: Partial<Driver>) => rigOf({ inject: async () => refuse('nft: no'), ...driver });
  const attempt = (watchdog: Watchdog, kind: 'pause' | 'kill' | 'loss') =>
    watchdog.inject(1, FOUND, kind === 'loss' ? { kind, lossPercent: 5 } : { kind }, MINUTE_MS);

  it('in a process that still exists has left nothing', async () => {
    const { watchdog, notes } = failing({});
    await expect(attempt(watchdog, 'pause')).rejects.toThrow('nft: no');
    expect(notes.at(-1)).toBe(null);
  });

  it('in the network stays open until its remains are removed', async () => {
    let isHealable = false;
    const heal = async () => (isHealable ? processOf(7) : refuse('nft: no'));
    const { watchdog, notes, said } = failing({ heal });
    await expect(attempt(watchdog, 'loss')).rejects.toThrow('nft: no');
    expect(notes.at(-1)).toMatchObject({ kind: 'loss' });
    isHealable = true;
    await watchdog.healAll('the controller is gone');
    expect(notes.at(-1)).toBe(null);
    expect(said).toEqual(['1 the fault "loss" was healed (PID 7): the controller is gone']);
  });
});

it('does not touch a process that it cannot identify as this server', async () => {
  const injected: unknown[] = [];
  const find = async () => refuse('server_1.pid (user 7, mode 644) names process 1');
  const { watchdog, notes, said } = rigOf({ find, inject: async (...all) => (injected.push(all), null) });
  await expect(watchdog.inject(1, FOUND, { kind: 'kill' }, MINUTE_MS)).rejects.toThrow('names process 1');
  await watchdog.healAll('the controller is gone');
  expect([injected, notes, said]).toEqual([[], [], []]);
});

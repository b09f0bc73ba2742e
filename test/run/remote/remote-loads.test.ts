import { runConfigOf } from '../../../src/config/run-config';
import { ClusterError } from '../../../src/core/errors';
import { systemClock } from '../../../src/core/system/system-clock';
import { RemoteLoad } from '../../../src/run/remote/remote-load';
import { RemoteLoads } from '../../../src/run/remote/remote-loads';
import type { Machine, ScriptLimits } from '../../../src/run/remote/machine';
import { LOOK, SIGNAL, START } from '../../../src/run/remote/scripts.pure';
import type { RunRecorder } from '../../../src/run/recorder';
import { useTempFolder } from '../../config/helpers';

const temp = useTempFolder();
const MACHINES = `
[[servers]]
id = 1
host = "s1"
address = "s1:8001"
work_dir = "c"
[[clients]]
host = "c1"
work_dir = "c"`;
const config = () => runConfigOf({ config: temp.file('r.toml', `[faults]\nnum_cycles = 0\n${MACHINES}`) }).config;

/** A client machine: it answers scripts, and records what it was asked. */
class ClientMachine {
  readonly host = 'c1';
  readonly clockOffset = null;
  readonly signals: string[] = [];
  /** The next answers to LOOK; the last one is repeated forever. */
  looks: string[] = ['state=running'];
  isReachable = true;
  /** The limits of the last script. */
  limits: ScriptLimits | undefined;

  script(text: string, args: readonly string[], limits?: ScriptLimits): Promise<string> {
    this.limits = limits;
    if (!this.isReachable) return Promise.reject(new ClusterError('not_reachable', 'c1: the connection was lost'));
    if (text === SIGNAL) this.signals.push(args[2]!);
    if (text !== LOOK) return Promise.resolve('');
    return Promise.resolve(this.looks.length > 1 ? this.looks.shift()! : this.looks[0]!);
  }
}

function begin({ machine = new ClientMachine(), signal = new AbortController().signal } = {}) {
  // A second passes whenever the clock is read: nothing waits.
  let now = 0;
  const tick = (): number => (now += 1000);
  const clock = { unixMs: tick, monotonicMs: tick, wallMs: tick, after: systemClock.after };
  const problems: string[] = [];
  const recorder = { say: () => undefined, problems } as unknown as RunRecorder;
  const load = new RemoteLoad(machine as unknown as Machine, 1, '/c', 'r1');
  return { machine, load, loads: new RemoteLoads({ loads: [load], config: config(), clock, signal, recorder }), clock };
}

test('a load that has ended is not left running', async () => {
  const { machine, loads } = begin();
  machine.looks = ['state=ended 0'];
  await loads.start();
  expect(await loads.stop()).toEqual([]);
  expect([loads.left, loads.problems]).toEqual([[], []]);
});

describe('a load whose machine is unreachable', () => {
  async function lost() {
    const begun = begin();
    await begun.loads.start();
    begun.machine.isReachable = false;
    await begun.load.watch(begun.clock, new AbortController().signal);
    return begun;
  }

  test('may still be running, which is reported', async () => {
    const { machine, loads } = await lost();
    expect(loads.left).toEqual(['the load of Machine 1 (c1)']);
    expect(await loads.stop()).toEqual(['Machine 1 (c1): its load may still be running']);
    expect(loads.left).toEqual(['the load of Machine 1 (c1)']);
    expect(loads.problems).toEqual(['Machine 1 (c1): c1: the connection was lost']);
    // No further minute is spent on it.
    expect(machine.limits).toMatchObject({ reconnectMs: 0 });
  });

  test('is stopped when it is reachable again', async () => {
    const { machine, loads } = await lost();
    machine.isReachable = true;
    machine.looks = ['state=running', 'state=ended 130'];
    expect(await loads.stop()).toEqual([]);
    expect([machine.signals, loads.left]).toEqual([['INT'], []]);
    // Its files were not collected.
    expect(loads.problems).toEqual(['Machine 1 (c1): c1: the connection was lost']);
  });

  test('is left alone if it has ended meanwhile', async () => {
    const { machine, loads } = await lost();
    machine.isReachable = true;
    machine.looks = ['state=ended 0'];
    expect(await loads.stop()).toEqual([]);
    expect(machine.signals).toEqual([]);
  });

  test('since it was told to start, may be running, too', async () => {
    const { machine, loads, load } = begin();
    machine.isReachable = false;
    await expect(loads.start()).rejects.toThrow('c1: the connection was lost');
    expect([load.isStarted, loads.left]).toEqual([true, ['the load of Machine 1 (c1)']]);
    expect(await loads.stop()).toEqual(['Machine 1 (c1): its load may still be running']);
  });
});

test('a load that started without an answer counts as started', async () => {
  const { machine, loads } = begin();
  const { script } = machine;
  machine.script = (text, args, limits) =>
    text === START
      ? Promise.reject(new ClusterError('not_reachable', 'c1: sh did not end within 60 s'))
      : script.call(machine, text, args, limits);
  machine.looks = ['state=running', 'state=ended 0'];
  await loads.start();
  expect([loads.problems, await loads.stop()]).toEqual([[], []]);
});

test('a refused load does not belong to this run', async () => {
  const { machine, loads } = begin();
  const { script } = machine;
  machine.script = (text, args, limits) =>
    text === START
      ? Promise.reject(new ClusterError('not_reachable', 'c1: a load is already running there (PID 7)'))
      : script.call(machine, text, args, limits);
  machine.looks = ['state=none'];
  await expect(loads.start()).rejects.toThrow('a load is already running there');
  expect([loads.left, await loads.stop(), machine.signals]).toEqual([[], [], []]);
});

test('after Ctrl-C no signal that could kill a load is sent before it handles signals', async () => {
  const interrupt = new AbortController();
  const { machine, loads } = begin({ signal: interrupt.signal });
  machine.looks = ['state=starting', 'state=ended 130'];
  await loads.start();
  interrupt.abort();
  await loads.during(() => Promise.resolve());
  expect(machine.signals.filter((name) => name === 'USR2')).toEqual([]);
});

test('a load without a known process has not started', async () => {
  const { machine, load, clock, loads } = begin();
  machine.looks = ['state=starting'];
  await load.start(0);
  const until = new AbortController();
  const { script } = machine;
  let looks = 0;
  machine.script = (...args) => {
    if (++looks > 100) until.abort();
    return script.apply(machine, args);
  };
  await load.watch(clock, until.signal);
  expect(load.problem).toBe(
    'Machine 1 (c1): its load did not start within 30 s (is the disk full?), see stress.log there',
  );
  // It may be running anyway.
  expect(loads.left).toEqual(['the load of Machine 1 (c1)']);
  expect(await loads.stop()).toEqual(['Machine 1 (c1): its load may still be running']);
});

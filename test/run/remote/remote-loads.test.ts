import { runConfigOf } from '../../../src/config/run-config';
import { ClusterError } from '../../../src/core/errors';
import { RemoteLoad } from '../../../src/run/remote/remote-load';
import { RemoteLoads } from '../../../src/run/remote/remote-loads';
import type { Machine, ScriptLimits } from '../../../src/run/remote/machine';
import { LOOK, SIGNAL, START } from '../../../src/run/remote/scripts';
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
const config = () => runConfigOf(temp.file('r.toml', `[faults]\nnum_cycles = 0\n${MACHINES}`), {});

/** A client machine: what its scripts answer, and what was asked of it. */
class ClientMachine {
  readonly host = 'c1';
  readonly clockOffset = null;
  readonly signals: string[] = [];
  /** What LOOK says next; the last one for ever. */
  looks: string[] = ['state=running'];
  isReachable = true;
  /** Of the last script. */
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
  // A second passes whenever somebody looks: nothing is waited for.
  let now = 0;
  const tick = (): number => (now += 1000);
  const clock = { unixMs: tick, monotonicMs: tick, wallMs: tick };
  const problems: string[] = [];
  const recorder = { say: () => undefined, problems } as unknown as RunRecorder;
  const load = new RemoteLoad(machine as unknown as Machine, 1, '/c', 'r1');
  return { machine, load, loads: new RemoteLoads({ loads: [load], config: config(), clock, signal, recorder }), clock };
}

test('a load that ended is not left', async () => {
  const { machine, loads } = begin();
  machine.looks = ['state=ended 0'];
  await loads.start();
  expect(await loads.stop()).toEqual([]);
  expect([loads.left, loads.problems]).toEqual([[], []]);
});

describe('a load whose machine cannot be reached any more', () => {
  async function lost() {
    const begun = begin();
    await begun.loads.start();
    begun.machine.isReachable = false;
    await begun.load.watch(begun.clock, new AbortController().signal);
    return begun;
  }

  test('may still run, and is told of', async () => {
    const { machine, loads } = await lost();
    expect(loads.left).toEqual(['the load of Machine 1 (c1)']);
    expect(await loads.stop()).toEqual(['Machine 1 (c1): its load may still be running']);
    expect(loads.left).toEqual(['the load of Machine 1 (c1)']);
    expect(loads.problems).toEqual(['Machine 1 (c1): c1: the connection was lost']);
    // Nobody waits another minute for it.
    expect(machine.limits).toMatchObject({ reconnectMs: 0 });
  });

  test('is ended when it is there again', async () => {
    const { machine, loads } = await lost();
    machine.isReachable = true;
    machine.looks = ['state=running', 'state=ended 130'];
    expect(await loads.stop()).toEqual([]);
    expect([machine.signals, loads.left]).toEqual([['INT'], []]);
    // What it did was not collected.
    expect(loads.problems).toEqual(['Machine 1 (c1): c1: the connection was lost']);
  });

  test('and has ended meanwhile is left alone', async () => {
    const { machine, loads } = await lost();
    machine.isReachable = true;
    machine.looks = ['state=ended 0'];
    expect(await loads.stop()).toEqual([]);
    expect(machine.signals).toEqual([]);
  });

  test('since the order to begin, may run as well', async () => {
    const { machine, loads, load } = begin();
    machine.isReachable = false;
    await expect(loads.start()).rejects.toThrow('c1: the connection was lost');
    expect([load.isStarted, loads.left]).toEqual([true, ['the load of Machine 1 (c1)']]);
    expect(await loads.stop()).toEqual(['Machine 1 (c1): its load may still be running']);
  });
});

test('a load that began though nobody heard of it is one like others', async () => {
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

test('a load that was refused is not this run’s', async () => {
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

test('after Ctrl-C a load is told nothing that would kill it before it listens', async () => {
  const interrupt = new AbortController();
  const { machine, loads } = begin({ signal: interrupt.signal });
  machine.looks = ['state=starting', 'state=ended 130'];
  await loads.start();
  interrupt.abort();
  await loads.during(() => Promise.resolve());
  expect(machine.signals.filter((name) => name === 'USR2')).toEqual([]);
});

test('a load whose process nobody knows is no load', async () => {
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
  // It may be there all the same.
  expect(loads.left).toEqual(['the load of Machine 1 (c1)']);
  expect(await loads.stop()).toEqual(['Machine 1 (c1): its load may still be running']);
});

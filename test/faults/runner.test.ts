import fc from 'fast-check';
import type { FaultSpec } from '../../src/config/faults-spec';
import { FAULT_KINDS } from '../../src/core/fault-kinds';
import { ringOfKills } from './ring-of-kills';
import { type Call, processOf, refuse, RingRig } from './ring-rig';

const ONCE = ringOfKills({ cycles: 1, restartDelayMs: 10_000, intervalMs: 30_000 });

/** The guide's step 3, for servers on this machine. */
const GUIDE = `
[2025-10-31 10:01:00] ===== CYCLE 1/3 =====
[2025-10-31 10:01:00] Ring Algorithm: Processing Server 1
[2025-10-31 10:01:00] Attempting to kill Server 1 on localhost
[2025-10-31 10:01:00] Found Server 1 PID: 12345 on localhost
[2025-10-31 10:01:00] SUCCESS: Killed Server 1 (PID 12345) on localhost
[2025-10-31 10:01:00] Server 1 is now DOWN
[2025-10-31 10:01:00] Waiting 10s before restarting Server 1...
[2025-10-31 10:01:10] Attempting to restart Server 1 on localhost
[2025-10-31 10:01:12] SUCCESS: Restarted Server 1 on localhost (PID 12389)
[2025-10-31 10:01:12] Server 1 is now UP
[2025-10-31 10:01:12] Waiting 30s before moving to next server in ring...
`
  .trim()
  .split('\n');

const FIRST_TURN = [
  ...['===== CYCLE 1/1 =====', 'Ring Algorithm: Processing Server 1', 'Attempting to kill Server 1 on localhost'],
];
const END = '===== FAULT SIMULATION COMPLETE =====';

describe('a whole run', () => {
  it("logs the guide's lines, at the guide's times", async () => {
    const rig = new RingRig();
    await rig.run();
    expect(rig.lines.slice(0, GUIDE.length)).toEqual(GUIDE);
    expect(rig.lines.slice(GUIDE.length, GUIDE.length + 1)).toEqual([
      '[2025-10-31 10:01:42] Ring Algorithm: Processing Server 2',
    ]);
    expect(rig.texts.filter((line) => line.startsWith('====='))).toEqual([
      ...[1, 2, 3].map((cycle) => `===== CYCLE ${cycle}/3 =====`),
      END,
    ]);
    expect(rig.texts.slice(-3)).toEqual([
      'Server 3 is now UP',
      END,
      'Faults: 9, healed: 9, failed: 0; servers UP: 1, 2, 3',
    ]);
  });

  it('records what was done', async () => {
    const rig = new RingRig();
    const outcome = await rig.run(ONCE);
    expect(outcome).toEqual({
      faults: 3,
      healed: 3,
      failed: 0,
      interrupted: false,
      ended_early: null,
      down: [],
    });
    const startMs = new Date(2025, 9, 31, 10, 1, 0).getTime();
    const same = { cycle: 1, server_id: 1, host: 'localhost', detail: null };
    expect(rig.events.slice(0, 4)).toEqual([
      { time: startMs, ...same, action: 'kill', outcome: 'started', pid: 12345 },
      { time: startMs, ...same, action: 'kill', outcome: 'done', pid: 12345 },
      { time: startMs + 10_000, ...same, action: 'restart', outcome: 'started', pid: null },
      { time: startMs + 12_000, ...same, action: 'restart', outcome: 'done', pid: 12389 },
    ]);
    expect(rig.events).toHaveLength(12);
  });

  it('shows the ring as it is, and what it waits for', async () => {
    const rig = new RingRig();
    await rig.run(ONCE);
    const untilMs = new Date(2025, 9, 31, 10, 1, 10).getTime();
    expect(rig.views).toContainEqual({
      servers: [
        { id: 1, state: 'down', fault: 'kill' },
        { id: 2, state: 'up', fault: null },
        { id: 3, state: 'up', fault: null },
      ],
      wait: { untilMs, healing: 'restart', serverIds: [1] },
    });
    const servers = [1, 2, 3].map((id) => ({ id, state: 'up', fault: null }));
    expect(rig.views.at(-1)).toEqual({ servers, wait: undefined });
  });
});

describe('a server that does not cooperate', () => {
  it('not running: reported, skipped, and not started', async () => {
    const rig = new RingRig();
    rig.running.delete(2);
    const outcome = await rig.run(ONCE);
    expect(outcome).toMatchObject({ faults: 2, healed: 2, failed: 1, down: [] });
    expect(rig.texts).toContain('ERROR: Cannot kill Server 2 on localhost: it is not running');
    expect(rig.calls).not.toContain('heal 2');
    expect(rig.recorded.filter((text) => text.startsWith('2'))).toEqual(['2 kill failed']);
    expect(rig.texts.at(-1)).toBe('Faults: 2, healed: 2, failed: 1; servers UP: 1, 3, DOWN: 2');
  });

  it('another process in its place: the reason is reported, nothing is killed', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => void (call === 'find' && id === 1 && refuse('process 7 is not a server'));
    const outcome = await rig.run(ONCE);
    expect(outcome).toMatchObject({ faults: 2, failed: 1 });
    expect(rig.texts.slice(0, 4)).toEqual([
      ...FIRST_TURN,
      'ERROR: Cannot kill Server 1 on localhost: process 7 is not a server',
    ]);
    expect(rig.events[0]).toMatchObject({ outcome: 'failed', pid: null, detail: 'process 7 is not a server' });
    expect(rig.calls).not.toContain('inject 1');
  });

  it('cannot be killed: it is not down, so nothing is restarted', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => void (call === 'inject' && id === 1 && refuse('permission denied'));
    expect(await rig.run(ONCE)).toMatchObject({ faults: 2, healed: 2, failed: 1 });
    expect(rig.texts).toContain('ERROR: Cannot kill Server 1 on localhost: permission denied');
    expect(rig.recorded.slice(0, 3)).toEqual(['1 kill started', '1 kill failed', '2 kill started']);
  });

  it('dies of a failed kill: it is still restarted', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => {
      if (call !== 'inject' || id !== 1) return;
      rig.running.delete(1);
      refuse('process 12345 was killed but still exists after 5 s');
    };
    expect(await rig.run(ONCE)).toMatchObject({ faults: 2, healed: 3, failed: 1, down: [] });
    expect(rig.running.has(1)).toBe(true);
  });

  it('does not come back: the plan ends after one more attempt', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => void (call === 'heal' && id === 2 && refuse('it ended with exit code 2: Error: x'));
    const outcome = await rig.run({ ...ONCE, cycles: 2 });
    const reason = 'Server 2 did not come back';
    expect(outcome).toMatchObject({ faults: 2, healed: 1, failed: 2, down: [2], ended_early: reason });
    const lost = 'ERROR: Server 2 did not come back on localhost: it ended with exit code 2: Error: x';
    expect(rig.texts.slice(-6)).toEqual([
      lost,
      `ABORTED: ${reason}; healing the active faults`,
      'Attempting to restart Server 2 on localhost',
      lost,
      '===== FAULT SIMULATION ABORTED =====',
      'Faults: 2, healed: 1, failed: 2; servers UP: 1, 3, DOWN: 2',
    ]);
  });

  it('was restarted by somebody else: that counts', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => {
      const isBack = call === 'find' && id === 1 && rig.calls.includes('inject 1');
      if (isBack) rig.running.set(1, processOf(777));
    };
    expect(await rig.run(ONCE)).toMatchObject({ faults: 3, healed: 3, failed: 0 });
    expect(rig.calls).not.toContain('heal 1');
    expect(rig.texts).toContain('Server 1 on localhost is already running (PID 777)');
    expect(rig.events[3]).toMatchObject({
      action: 'restart',
      outcome: 'done',
      pid: 777,
      detail: 'it was already running',
    });
  });

  it('has a stale pid file: it is restarted anyway', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => {
      if (call === 'find' && !rig.running.has(id)) refuse('process 9 is not a server');
    };
    expect(await rig.run(ONCE)).toMatchObject({ faults: 3, healed: 3, failed: 0 });
  });
});

describe('the last server that is up', () => {
  it('is never killed', async () => {
    const rig = new RingRig();
    rig.running.delete(1);
    rig.running.delete(3);
    expect(await rig.run(ONCE)).toMatchObject({ faults: 0, failed: 3 });
    expect(rig.texts).toContain('ERROR: Will not kill Server 2 on localhost: no other server is running');
    expect(rig.calls.filter((call) => !call.startsWith('find'))).toEqual([]);
  });

  it('is spared when the others cannot be identified', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => void (call === 'find' && id !== 2 && refuse('no pid file'));
    expect(await rig.run(ONCE)).toMatchObject({ faults: 0, failed: 3 });
  });

  it('none up at all: an error with the reason for each, and nothing is done', async () => {
    const rig = new RingRig(2);
    rig.running.clear();
    rig.before = (_, id) => void (id === 2 && refuse('server_2.pid is not the pid file of a server'));
    const reasons = 'Server 1: not running; Server 2: server_2.pid is not the pid file of a server';
    await expect(rig.run(ONCE)).rejects.toMatchObject({
      code: 'not_reachable',
      message: `no server is running: there is no target for faults (${reasons})`,
    });
    expect(rig.events).toEqual([]);
  });
});

/** The number of steps of a whole run. */
async function stepsOf(spec: typeof ONCE): Promise<number> {
  const rig = new RingRig();
  let count = 0;
  rig.onStep = () => void (count += 1);
  await rig.run(spec);
  return count;
}

describe('Ctrl-C', () => {
  it('at every step: all servers run in the end, and the log says so', async () => {
    const count = await stepsOf(ONCE);
    expect(count).toBeGreaterThan(50);
    // Without the last two lines, when everything is over.
    for (let at = 0; at < count - 2; at++) {
      const rig = new RingRig();
      let step = 0;
      rig.onStep = () => void (step++ === at && rig.stop.abort());
      const { interrupted, failed, down, faults, healed } = await rig.run(ONCE);
      expect({ at, interrupted, failed, down, isWhole: rig.isWhole }).toEqual({
        at,
        interrupted: true,
        failed: 0,
        down: [],
        isWhole: true,
      });
      expect(healed).toBe(faults);
      expect(rig.texts.at(-1)).toBe(`Faults: ${faults}, healed: ${healed}, failed: 0; servers UP: 1, 2, 3`);
    }
  });

  it('while a server is down: it is started at once', async () => {
    const rig = new RingRig();
    rig.onStep = () => void (rig.running.has(1) || rig.stop.abort());
    await rig.run();
    expect(rig.texts.slice(-7)).toEqual([
      'Server 1 is now DOWN',
      'Interrupted: healing the active faults (Ctrl-C again ends at once)',
      'Attempting to restart Server 1 on localhost',
      'SUCCESS: Restarted Server 1 on localhost (PID 12389)',
      'Server 1 is now UP',
      '===== FAULT SIMULATION INTERRUPTED =====',
      'Faults: 1, healed: 1, failed: 0; servers UP: 1, 2, 3',
    ]);
  });

  it('before the first fault: nothing is done', async () => {
    const rig = new RingRig();
    rig.stop.abort();
    expect(await rig.run()).toMatchObject({ faults: 0, interrupted: true });
    expect(rig.texts[0]).toBe('Interrupted: no fault is active');
    expect(rig.calls.filter((call) => !call.startsWith('find'))).toEqual([]);
  });
});

describe('a bug in the driver', () => {
  it('at every call: servers that are down are started, then it is thrown', async () => {
    const clean = new RingRig();
    await clean.run(ONCE);
    for (let at = 0; at < clean.calls.length; at++) {
      const rig = new RingRig();
      rig.before = () => {
        if (rig.calls.length === at + 1) throw new TypeError('a bug');
      };
      await expect(rig.run(ONCE)).rejects.toThrow('a bug');
      expect({ at, isWhole: rig.isWhole }).toEqual({ at, isWhole: true });
      expect(rig.texts).toContain('ERROR: a bug');
    }
  });

  it('while healing: the others are healed first', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => {
      if (call === 'heal' && id === 1) throw new TypeError('a bug');
    };
    const two: FaultSpec = { ...ONCE, pattern: 'simultaneous', count: 2 };
    await expect(rig.run(two)).rejects.toThrow('a bug');
    expect([...rig.running.keys()].sort()).toEqual([2, 3]);
  });
});

describe('an abort condition', () => {
  it('at every step: all servers run in the end, and the reason is reported', async () => {
    const count = await stepsOf(ONCE);
    for (let at = 0; at < count - 2; at++) {
      const rig = new RingRig();
      let step = 0;
      rig.onStep = () => void (step++ === at && rig.abort.abort('failure_rate>20% (30 %)'));
      const { interrupted, failed, down, ended_early } = await rig.run(ONCE);
      expect({ at, interrupted, failed, down, ended_early, isWhole: rig.isWhole }).toEqual({
        at,
        interrupted: false,
        failed: 0,
        down: [],
        ended_early: 'failure_rate>20% (30 %)',
        isWhole: true,
      });
    }
  });
});

const kindOnly = (kind: (typeof FAULT_KINDS)[number]): FaultSpec => ({ ...ONCE, kinds: [{ kind, weight: 1 }] });

describe('kinds', () => {
  it.each([
    ['kill', 'kill', 'restart'],
    ['terminate', 'terminate', 'restart'],
    ['pause', 'pause', 'resume'],
    ['partition', 'partition', 'heal'],
    ['delay', 'delay', 'heal'],
    ['loss', 'loss', 'heal'],
    ['restart', 'terminate', 'restart'],
  ] as const)('%s: injected, held, healed, and recorded as %s and %s', async (kind, injecting, healing) => {
    const rig = new RingRig();
    expect(await rig.run(kindOnly(kind))).toMatchObject({ faults: 3, healed: 3, failed: 0, down: [] });
    expect(rig.isWhole).toBe(true);
    expect(rig.recorded.slice(0, 4)).toEqual(
      [injecting, healing].flatMap((action) => [`1 ${action} started`, `1 ${action} done`]),
    );
  });

  it("lines of a pause are in the guide's style", async () => {
    const rig = new RingRig();
    await rig.run(kindOnly('pause'));
    expect(rig.lines.slice(1, 11)).toEqual([
      '[2025-10-31 10:01:00] Ring Algorithm: Processing Server 1',
      '[2025-10-31 10:01:00] Attempting to pause Server 1 on localhost',
      '[2025-10-31 10:01:00] Found Server 1 PID: 12345 on localhost',
      '[2025-10-31 10:01:00] SUCCESS: Paused Server 1 (PID 12345) on localhost',
      '[2025-10-31 10:01:00] Server 1 is now PAUSED',
      '[2025-10-31 10:01:00] Waiting 10s before resuming Server 1...',
      '[2025-10-31 10:01:10] Attempting to resume Server 1 on localhost',
      '[2025-10-31 10:01:10] SUCCESS: Resumed Server 1 on localhost (PID 12345)',
      '[2025-10-31 10:01:10] Server 1 is now UP',
      '[2025-10-31 10:01:10] Waiting 30s before moving to next server in ring...',
    ]);
    expect(rig.views).toContainEqual(
      expect.objectContaining({ servers: expect.arrayContaining([{ id: 1, state: 'paused', fault: 'pause' }]) }),
    );
  });

  it('a server that another program has paused gets no fault', async () => {
    const rig = new RingRig();
    rig.active.set(1, 'pause');
    expect(await rig.run(kindOnly('kill'))).toMatchObject({ faults: 2, failed: 1 });
    expect(rig.texts).toContain(
      'ERROR: Cannot kill Server 1 on localhost: its process was stopped by another program (SIGSTOP)',
    );
  });
});

describe('several at once', () => {
  const TWO: FaultSpec = { ...ONCE, pattern: 'simultaneous', count: 2 };

  it('get their faults together and are healed together', async () => {
    const rig = new RingRig();
    expect(await rig.run(TWO)).toMatchObject({ faults: 4, healed: 4, failed: 0 });
    expect(rig.done).toEqual([
      ...['kill 1', 'kill 2', 'start 1', 'start 2'],
      ...['kill 3', 'kill 1', 'start 3', 'start 1'],
    ]);
    expect(rig.texts).toContain('Simultaneous Failures: Processing Server 1, Server 2');
    expect(rig.texts).toContain('Waiting 10s before restarting Server 1, Server 2...');
  });

  it('all of them: the last one is spared, unless a total outage is allowed', async () => {
    const all: FaultSpec = { ...TWO, count: 3 };
    const careful = new RingRig();
    expect(await careful.run(all)).toMatchObject({ faults: 2, failed: 1 });
    expect(careful.texts).toContain('ERROR: Will not kill Server 3 on localhost: no other server is running');
    const told = new RingRig();
    told.allowTotalOutage = true;
    expect(await told.run(all)).toMatchObject({ faults: 3, healed: 3, failed: 0 });
    expect(told.done.slice(0, 3)).toEqual(['kill 1', 'kill 2', 'kill 3']);
  });

  it('delays take no server down', async () => {
    const rig = new RingRig();
    const all: FaultSpec = { ...kindOnly('delay'), pattern: 'simultaneous', count: 3 };
    expect(await rig.run(all)).toMatchObject({ faults: 3, failed: 0 });
  });
});

describe('roles', () => {
  it('the leader of the moment', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => void (call === 'inject' && (rig.leaderId = (id % 3) + 1));
    await rig.run({ ...ONCE, target: 'leader', cycles: 4 });
    expect(rig.done.filter((what) => what.startsWith('kill'))).toEqual(['kill 1', 'kill 2', 'kill 3', 'kill 1']);
    expect(rig.texts).toContain('Server 2 leads');
  });

  it('without a leader, the step is skipped after a while, and the run has failed', async () => {
    const rig = new RingRig();
    rig.leaderId = null;
    expect(await rig.run({ ...ONCE, target: 'leader' })).toMatchObject({ faults: 0, failed: 1 });
    expect(rig.texts).toContain('ERROR: no server reports a leader within 10s: this step is skipped');
  });

  it('followers: all but the leader', async () => {
    const rig = new RingRig();
    await rig.run({ ...ONCE, target: 'followers' });
    expect(rig.done).toEqual(['kill 2', 'start 2', 'kill 3', 'start 3']);
  });
});

describe('an irregularity', () => {
  it('in an injected fault is a warning, and in the detail of its event', async () => {
    const rig = new RingRig();
    rig.remark = 'process 12345 did not shut down within 10 s after SIGTERM, and was killed';
    expect(await rig.run({ ...kindOnly('restart'), cycles: 1 })).toMatchObject({ faults: 3, healed: 3, failed: 0 });
    expect(rig.texts).toContain(`WARN: Server 1 on localhost: ${rig.remark}`);
    expect(rig.texts).toContain('Server 1 is now DOWN');
    expect(rig.events[1]).toMatchObject({ outcome: 'done', detail: `graceful restart; ${rig.remark}` });
  });

  it('a failed network fault is healed: parts of it may remain', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => {
      if (call !== 'inject' || id !== 1) return;
      rig.active.set(1, 'partition');
      refuse('nft -f -: it hangs');
    };
    expect(await rig.run(kindOnly('partition'))).toMatchObject({ faults: 2, healed: 3, failed: 1 });
    expect(rig.isWhole).toBe(true);
  });

  it('a paused server that ends is down, not paused', async () => {
    const rig = new RingRig(2);
    rig.before = (call, id) => {
      if (call !== 'heal' || id !== 1) return;
      rig.running.delete(1);
      refuse('it has ended in the meantime');
    };
    await rig.run(kindOnly('pause'));
    expect(rig.texts.at(-1)).toBe('Faults: 1, healed: 0, failed: 2; servers UP: 2, DOWN: 1');
  });

  it('a paused server that ends and is restarted is reported', async () => {
    const rig = new RingRig(2);
    rig.before = (call, id) => void (call === 'heal' && id === 1 && rig.running.set(1, processOf(99)));
    await rig.run(kindOnly('pause'));
    const remark = 'process 12345 ended while it was paused; the server was started again';
    expect(rig.texts).toContain(`WARN: Server 1 on localhost: ${remark}`);
    expect(rig.events.find(({ detail }) => detail === remark)).toMatchObject({ action: 'resume', pid: 99 });
    expect(rig.texts.at(-1)).toBe('Faults: 2, healed: 2, failed: 0; servers UP: 1, 2');
  });

  it('a leader outside of these servers: reported at each step, a failure', async () => {
    const rig = new RingRig();
    rig.leaderId = 4;
    expect(await rig.run({ ...ONCE, cycles: 2, target: 'leader' })).toMatchObject({ faults: 0, failed: 2 });
    const line = 'ERROR: none of the servers listed here is a leader: this step is skipped';
    expect(rig.texts.filter((text) => text === line)).toHaveLength(2);
  });
});

describe('rolling', () => {
  const ROLLING: FaultSpec = { ...kindOnly('restart'), pattern: 'rolling' };

  it('continues as soon as the servers agree', async () => {
    const rig = new RingRig();
    const startMs = rig.nowMs;
    expect(await rig.run(ROLLING)).toMatchObject({ faults: 3, healed: 3, failed: 0 });
    // Three restarts of two seconds each, and nothing else.
    expect(rig.nowMs - startMs).toBe(6000);
    expect(rig.done).toEqual([1, 2, 3].flatMap((id) => [`restart ${id}`, `start ${id}`]));
  });

  it('ends if they do not agree', async () => {
    const rig = new RingRig();
    rig.before = (call) => void (call === 'heal' && (rig.leaderId = null));
    const outcome = await rig.run(ROLLING);
    expect(outcome).toMatchObject({ faults: 1, ended_early: 'the servers do not agree on a leader after 30s' });
  });
});

it('whatever fails: the last server is spared, and every fault is followed by an attempt to heal it', async () => {
  const mishap = fc.record({
    call: fc.constantFrom<Call>('find', 'inject', 'heal'),
    id: fc.integer({ min: 1, max: 3 }),
  });
  const mishaps = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), mishap), { maxLength: 12 });
  const kinds = fc.uniqueArray(fc.constantFrom(...FAULT_KINDS), { minLength: 1 });
  const pattern = fc.constantFrom('ring', 'random', 'simultaneous', 'rolling' as const);
  const spec = fc.record({ kinds, pattern, seed: fc.nat() }).map((each): FaultSpec => ({
    ...ONCE,
    cycles: 2,
    pattern: each.pattern,
    seed: each.seed,
    count: each.pattern === 'simultaneous' ? 2 : 1,
    kinds: each.kinds.map((kind) => ({ kind, weight: 1 })),
  }));
  await fc.assert(
    fc.asyncProperty(spec, mishaps, fc.option(fc.integer({ min: 0, max: 120 })), async (given, plan, abortAt) => {
      const rig = new RingRig();
      let step = 0;
      rig.onStep = () => void (step++ === abortAt && rig.stop.abort());
      rig.before = (call, id) => {
        const due = plan.filter(([at]) => at === rig.calls.length).map(([, each]) => each);
        if (call === 'inject') expect([...rig.running.keys()].some((other) => other !== id)).toBe(true);
        if (due.some((each) => each.call === call && each.id === id)) refuse('mishap');
      };
      const outcome = await rig.run(given);
      const isAffected = ({ id }: { id: number }): boolean => !rig.running.has(id) || rig.active.has(id);
      expect(rig.servers.filter(isAffected).map(({ id }) => id)).toEqual([...outcome.down].sort());
      const count = (what: string) => rig.recorded.filter((text) => text.endsWith(what)).length;
      expect(count('started')).toBeLessThanOrEqual(count('done') + count('failed'));
      expect(count('failed')).toBe(outcome.failed);
    }),
  );
});

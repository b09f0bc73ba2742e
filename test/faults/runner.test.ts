import fc from 'fast-check';
import { refuse, RingRig } from './ring-rig';

const ONCE = { cycles: 1, restartDelayMs: 10_000, intervalMs: 30_000 };

/** The guide's step 3, for servers of this machine. */
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
  it("says the guide's lines, at the guide's times", async () => {
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
      'Kills: 9, restarts: 9, failed: 0; servers UP: 1, 2, 3',
    ]);
  });

  it('records what was done', async () => {
    const rig = new RingRig();
    const outcome = await rig.run(ONCE);
    expect(outcome).toEqual({ kills: 3, restarts: 3, failed: 0, interrupted: false, down: [] });
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

  it('shows the ring as it is, and what is waited for', async () => {
    const rig = new RingRig();
    await rig.run(ONCE);
    const untilMs = new Date(2025, 9, 31, 10, 1, 10).getTime();
    expect(rig.views).toContainEqual({
      servers: [
        { id: 1, state: 'down' },
        { id: 2, state: 'up' },
        { id: 3, state: 'up' },
      ],
      wait: { untilMs, restartOf: 1 },
    });
    expect(rig.views.at(-1)).toEqual({ servers: [1, 2, 3].map((id) => ({ id, state: 'up' })), wait: undefined });
  });
});

describe('a server that does not play along', () => {
  it('not running: said, skipped, and not started', async () => {
    const rig = new RingRig();
    rig.running.delete(2);
    const outcome = await rig.run(ONCE);
    expect(outcome).toMatchObject({ kills: 2, restarts: 2, failed: 1, down: [] });
    expect(rig.texts).toContain('ERROR: Cannot kill Server 2 on localhost: it is not running');
    expect(rig.calls).not.toContain('start 2');
    expect(rig.recorded.filter((text) => text.startsWith('2'))).toEqual(['2 kill failed']);
    expect(rig.texts.at(-1)).toBe('Kills: 2, restarts: 2, failed: 1; servers UP: 1, 3, DOWN: 2');
  });

  it('something else in its place: the reason is told, nothing is killed', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => void (call === 'find' && id === 1 && refuse('process 7 is no server'));
    const outcome = await rig.run(ONCE);
    expect(outcome).toMatchObject({ kills: 2, failed: 1 });
    expect(rig.texts.slice(0, 4)).toEqual([
      ...FIRST_TURN,
      'ERROR: Cannot kill Server 1 on localhost: process 7 is no server',
    ]);
    expect(rig.events[0]).toMatchObject({ outcome: 'failed', pid: null, detail: 'process 7 is no server' });
    expect(rig.calls).not.toContain('kill 1');
  });

  it('cannot be killed: it is not down, so nothing is restarted', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => void (call === 'kill' && id === 1 && refuse('permission denied'));
    expect(await rig.run(ONCE)).toMatchObject({ kills: 2, restarts: 2, failed: 1 });
    expect(rig.texts).toContain('ERROR: Cannot kill Server 1 on localhost: permission denied');
    expect(rig.recorded.slice(0, 3)).toEqual(['1 kill started', '1 kill failed', '2 kill started']);
  });

  it('dies of a kill that failed: it is restarted all the same', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => {
      if (call !== 'kill' || id !== 1) return;
      rig.running.delete(1);
      refuse('process 12345 was killed but is there after 5 s');
    };
    expect(await rig.run(ONCE)).toMatchObject({ kills: 2, restarts: 3, failed: 1, down: [] });
    expect(rig.running.has(1)).toBe(true);
  });

  it('does not come back: the others go on, it is tried again in its next turn and at the end', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => void (call === 'start' && id === 2 && refuse('it ended with exit code 2: Error: x'));
    const outcome = await rig.run({ ...ONCE, cycles: 2 });
    expect(outcome).toMatchObject({ kills: 5, restarts: 4, failed: 4, down: [2] });
    const lost = 'ERROR: Server 2 did not come back on localhost: it ended with exit code 2: Error: x';
    expect(rig.texts.filter((line) => line === lost)).toHaveLength(3);
    expect(rig.texts.slice(-4)).toEqual([
      'Attempting to restart Server 2 on localhost',
      lost,
      END,
      'Kills: 5, restarts: 4, failed: 4; servers UP: 1, 3, DOWN: 2',
    ]);
  });

  it('was restarted by somebody else: that counts', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => {
      const isBack = call === 'find' && id === 1 && rig.calls.includes('kill 1');
      if (isBack) rig.running.set(1, { pid: 777, startMs: 1 });
    };
    expect(await rig.run(ONCE)).toMatchObject({ kills: 3, restarts: 3, failed: 0 });
    expect(rig.calls).not.toContain('start 1');
    expect(rig.texts).toContain('Server 1 on localhost runs already (PID 777)');
    expect(rig.events[3]).toMatchObject({ action: 'restart', outcome: 'done', pid: 777, detail: 'it ran already' });
  });

  it('a stale pid file in the way of a restart is none', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => {
      if (call === 'find' && !rig.running.has(id)) refuse('process 9 is no server');
    };
    expect(await rig.run(ONCE)).toMatchObject({ kills: 3, restarts: 3, failed: 0 });
  });
});

describe('the last server that is up', () => {
  it('is never killed', async () => {
    const rig = new RingRig();
    rig.running.delete(1);
    rig.running.delete(3);
    expect(await rig.run(ONCE)).toMatchObject({ kills: 0, failed: 3 });
    expect(rig.texts).toContain('ERROR: Not killing Server 2 on localhost: no other server is up');
    expect(rig.calls.filter((call) => !call.startsWith('find'))).toEqual([]);
  });

  it('is spared when the others cannot be named', async () => {
    const rig = new RingRig();
    rig.before = (call, id) => void (call === 'find' && id !== 2 && refuse('no pid file'));
    expect(await rig.run(ONCE)).toMatchObject({ kills: 0, failed: 3 });
  });

  it('none up at all: an error that says why of each, and nothing is done', async () => {
    const rig = new RingRig(2);
    rig.running.clear();
    rig.before = (_, id) => void (id === 2 && refuse('server_2.pid is no pid file of a server'));
    const reasons = 'Server 1: not running; Server 2: server_2.pid is no pid file of a server';
    await expect(rig.run(ONCE)).rejects.toMatchObject({
      code: 'not_reachable',
      message: `no server is up, there is nothing to break (${reasons})`,
    });
    expect(rig.events).toEqual([]);
  });
});

/** How many steps a whole run has. */
async function stepsOf(spec: typeof ONCE): Promise<number> {
  const rig = new RingRig();
  let count = 0;
  rig.onStep = () => void (count += 1);
  await rig.run(spec);
  return count;
}

describe('Ctrl-C', () => {
  it('at every step: everything runs at the end, and the files say so', async () => {
    const count = await stepsOf(ONCE);
    expect(count).toBeGreaterThan(50);
    // Without the last two lines: by then all is over.
    for (let at = 0; at < count - 2; at++) {
      const rig = new RingRig();
      let step = 0;
      rig.onStep = () => void (step++ === at && rig.stop.abort());
      const { interrupted, failed, down, kills, restarts } = await rig.run(ONCE);
      expect({ at, interrupted, failed, down, up: rig.running.size }).toEqual({
        ...{ at, interrupted: true, failed: 0, down: [], up: 3 },
      });
      expect(restarts).toBe(kills);
      expect(rig.texts.at(-1)).toBe(`Kills: ${kills}, restarts: ${restarts}, failed: 0; servers UP: 1, 2, 3`);
    }
  });

  it('while a server is down: it is started at once', async () => {
    const rig = new RingRig();
    rig.onStep = () => void (rig.running.has(1) || rig.stop.abort());
    await rig.run();
    expect(rig.texts.slice(-7)).toEqual([
      'Server 1 is now DOWN',
      'Interrupted: restarting what is down (Ctrl-C again ends at once)',
      'Attempting to restart Server 1 on localhost',
      'SUCCESS: Restarted Server 1 on localhost (PID 12389)',
      'Server 1 is now UP',
      '===== FAULT SIMULATION INTERRUPTED =====',
      'Kills: 1, restarts: 1, failed: 0; servers UP: 1, 2, 3',
    ]);
  });

  it('before anything was done: nothing is done', async () => {
    const rig = new RingRig();
    rig.stop.abort();
    expect(await rig.run()).toMatchObject({ kills: 0, interrupted: true });
    expect(rig.texts[0]).toBe('Interrupted: no server is down');
    expect(rig.calls.filter((call) => !call.startsWith('find'))).toEqual([]);
  });
});

describe('a bug in the driver', () => {
  it('at every call: what is down is started, then it is thrown', async () => {
    const clean = new RingRig();
    await clean.run(ONCE);
    for (let at = 0; at < clean.calls.length; at++) {
      const rig = new RingRig();
      rig.before = () => {
        if (rig.calls.length === at + 1) throw new TypeError('a bug');
      };
      await expect(rig.run(ONCE)).rejects.toThrow('a bug');
      expect({ at, up: rig.running.size }).toEqual({ at, up: 3 });
      expect(rig.texts).toContain('ERROR: a bug');
    }
  });

  it('while mending: the others are started first', async () => {
    const rig = new RingRig();
    const attempts = new Map<number, number>();
    rig.before = (call, id) => {
      if (call !== 'start') return;
      attempts.set(id, (attempts.get(id) ?? 0) + 1);
      if (attempts.get(id) === 1 && id < 3) refuse('not yet');
      if (id === 1) throw new TypeError('a bug');
    };
    await expect(rig.run(ONCE)).rejects.toThrow('a bug');
    expect([...rig.running.keys()].sort()).toEqual([2, 3]);
  });
});

it('whatever fails: the last one that is up is spared, each kill is followed by an attempt to restart', async () => {
  const mishap = fc.record({ call: fc.constantFrom('find', 'kill', 'start'), id: fc.integer({ min: 1, max: 3 }) });
  const mishaps = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), mishap), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(mishaps, fc.option(fc.integer({ min: 0, max: 120 })), async (plan, abortAt) => {
      const rig = new RingRig();
      let step = 0;
      rig.onStep = () => void (step++ === abortAt && rig.stop.abort());
      rig.before = (call, id) => {
        const due = plan.filter(([at]) => at === rig.calls.length).map(([, each]) => each);
        if (call === 'kill') expect([...rig.running.keys()].some((other) => other !== id)).toBe(true);
        if (due.some((each) => each.call === call && each.id === id)) refuse('mishap');
      };
      const outcome = await rig.run({ ...ONCE, cycles: 2 });
      for (const { id } of rig.servers) {
        const calls = rig.calls.filter((call) => call === `kill ${id}` || call === `start ${id}`);
        // Unless the kill itself failed.
        if (calls.at(-1) === `kill ${id}`) expect(rig.running.has(id)).toBe(true);
      }
      expect(rig.servers.filter(({ id }) => !rig.running.has(id)).map(({ id }) => id)).toEqual(outcome.down);
      const count = (what: string) => rig.recorded.filter((text) => text.endsWith(what)).length;
      expect(count('started')).toBeLessThanOrEqual(count('done') + count('failed'));
      expect(count('failed')).toBe(outcome.failed);
    }),
  );
});

import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import packageJson from '../../../package.json';
import { locateServer } from '../../../src/config/server-location';
import type { FaultKind } from '../../../src/core/fault-kinds';
import { systemClock } from '../../../src/core/system/system-clock';
import { runAgent } from '../../../src/faults/agent/agent';
import type { Hello } from '../../../src/faults/agent/protocol.pure';
import type { Found } from '../../../src/faults/driver';
import { fromProc } from '../../../src/faults/drivers/process-info';
import { buildAgent } from '../agent-program';
import { LikenessLab } from '../likeness-lab';
import { processOf } from '../ring-rig';
import { TestAgent } from '../test-agent';
import { until } from '../until';

// Every test starts processes; on a busy machine that takes a while.
jest.setTimeout(60_000);
const program = buildAgent();
afterAll(() => program.remove());

let lab: LikenessLab;
const agents: LabAgent[] = [];
beforeEach(async () => void (lab = await LikenessLab.create(2)));
afterEach(async () => {
  for (const { child } of agents.splice(0)) child.kill('SIGKILL');
  await lab.stop();
});

function startAgent(): LabAgent {
  const agent = new LabAgent([process.execPath, program.script, 'fault-agent']);
  agents.push(agent);
  return agent;
}

/** An agent that knows the servers of the lab. */
class LabAgent extends TestAgent {
  greet(): Promise<Hello> {
    return this.hello(lab.servers);
  }

  breakAs(server: number, kind: 'kill' | 'pause', healWithinMs?: number): Promise<Found> {
    return this.inject(server, { kind }, healWithinMs);
  }
}

const isUp = (id: number) => async (): Promise<boolean> => (await lab.state(id)) === 'up';

it('greets, finds, injects and heals', async () => {
  await lab.start(1, 2);
  const agent = startAgent();
  const hello = await agent.greet();
  expect(hello).toMatchObject({ version: packageJson.version, pid: agent.child.pid, unable: {} });
  expect(hello.servers.map(({ id, problems }) => [id, problems])).toEqual([
    [1, []],
    [2, []],
  ]);
  const before = await agent.breakAs(1, 'kill');
  expect(await lab.state(1)).toBe('down');
  const after = await agent.ask<Found>('heal', { server: 1, kind: 'kill', process: before });
  expect(after.pid).not.toBe(before.pid);
  expect(lab.pid(1)).toBe(after.pid);
  const paused = await agent.breakAs(2, 'pause');
  expect(await lab.state(2)).toBe('paused');
  await agent.ask('heal', { server: 2, kind: 'pause', process: paused });
  expect(await lab.state(2)).toBe('up');
  const beforeMs = Date.now();
  expect(Math.abs((await agent.ask<number>('time')) - beforeMs)).toBeLessThan(2000);
  agent.child.stdin!.end();
  expect(await agent.ended).toBe(0);
  // The server that it started lives on.
  expect(await lab.state(1)).toBe('up');
});

describe('the watchdog', () => {
  const breakBoth = async (agent: LabAgent, healWithinMs?: number): Promise<void> => {
    await lab.start(1, 2);
    await agent.greet();
    await agent.breakAs(1, 'kill', healWithinMs);
    await agent.breakAs(2, 'pause', healWithinMs);
  };

  it.each([
    ['its input ends', (agent: LabAgent) => agent.child.stdin!.end(), 'the controller is gone'],
    ['SIGTERM', (agent: LabAgent) => agent.child.kill('SIGTERM'), 'the fault agent was told to end'],
    ['a line without end', (agent: LabAgent) => agent.send('x'.repeat(1_100_000)), 'the controller is gone'],
  ])('%s: heals everything, says so in the server logs, and exits', async (_, act, reason) => {
    const agent = startAgent();
    await breakBoth(agent);
    act(agent);
    expect(await agent.ended).toBe(0);
    expect(await Promise.all([lab.state(1), lab.state(2)])).toEqual(['up', 'up']);
    expect(lab.log(1)).toMatch(new RegExp(`WARN fault agent: the fault "kill" was healed .*: ${reason}`));
    expect(lab.log(2)).toMatch(new RegExp(`WARN fault agent: the fault "pause" was healed .*: ${reason}`));
    expect(existsSync(`${lab.pidFile(1)}.faults.lock`)).toBe(false);
  });

  it('heals although nobody reads its answers any more', async () => {
    const agent = startAgent();
    await breakBoth(agent);
    agent.child.stdout!.destroy();
    agent.send('{"id":99,"verb":"time"}\n{"id":100,"verb":"time"}\n');
    agent.child.stdin!.end();
    expect(await agent.ended).toBe(0);
    expect(await Promise.all([lab.state(1), lab.state(2)])).toEqual(['up', 'up']);
  });

  it('heals a fault during which its input ended, too', async () => {
    await lab.start(1, 2);
    const agent = startAgent();
    await agent.greet();
    const found = await agent.ask<Found>('find', { server: 1 });
    const request = {
      id: 50,
      verb: 'inject',
      server: 1,
      process: found,
      fault: { kind: 'kill' },
      healWithinMs: 60_000,
    };
    agent.send(`${JSON.stringify(request)}\n`);
    agent.child.stdin!.end();
    expect(await agent.ended).toBe(0);
    expect(await lab.state(1)).toBe('up');
  });

  it('heals a fault whose time is over, and keeps running', async () => {
    const agent = startAgent();
    await breakBoth(agent, 150);
    await until('both are up', async () => (await isUp(1)()) && (await isUp(2)()));
    expect(lab.log(2)).toContain('its time is over');
    const found = await agent.ask<Found>('find', { server: 2 });
    expect(found.isPaused).toBe(false);
    // Healing again later does no harm.
    expect(await agent.ask('heal', { server: 2, kind: 'pause', process: found })).toMatchObject({ pid: lab.pid(2) });
  });

  it('ignores Ctrl-C and a closed terminal', async () => {
    const agent = startAgent();
    await breakBoth(agent);
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGINT'] as const) agent.child.kill(signal);
    expect(await agent.ask('find', { server: 2 })).toMatchObject({ isPaused: true });
    agent.child.stdin!.end();
    expect(await agent.ended).toBe(0);
    expect(await lab.state(2)).toBe('up');
  });

  it('heals after silence', async () => {
    await lab.start(1, 2);
    const [input, output] = [new PassThrough(), new PassThrough()];
    const signal = new AbortController().signal;
    const own = { version: '1', pid: process.pid, startMs: performance.timeOrigin };
    const ended = runAgent({
      ...own,
      input,
      output,
      clock: systemClock,
      locate: locateServer,
      signal,
      silenceMs: 2500,
    });
    const say = (line: object): void => void input.write(`${JSON.stringify(line)}\n`);
    say({ id: 1, verb: 'hello', servers: lab.servers, kinds: ['pause'] });
    await until('it greets', () => output.readableLength > 0);
    const { kernelStart, uid, gid } = (await fromProc(lab.pid(2)))!;
    const found = { pid: lab.pid(2), kernelStart, uid, gid };
    say({ id: 2, verb: 'inject', server: 2, process: found, fault: { kind: 'pause' }, healWithinMs: 60_000 });
    await until('it is paused', async () => (await lab.state(2)) === 'paused');
    await ended;
    expect(await lab.state(2)).toBe('up');
    expect(lab.log(2)).toContain('the controller was silent for 2.5 s');
  });

  it('a server that cannot be healed is reported, and the other one is healed', async () => {
    const agent = startAgent();
    await breakBoth(agent);
    writeFileSync(`${lab.server(1).workDir}/server.json`, JSON.stringify({ exitCode: 3 }));
    agent.child.stdin!.end();
    expect(await agent.ended).toBe(0);
    expect(await lab.state(2)).toBe('up');
    expect(lab.log(1)).toMatch(/WARN fault agent: the fault "kill" cannot be healed: it ended with exit code 3/);
  });
});

describe('a paused server that dies', () => {
  const pauseAndKill = async (agent: TestAgent): Promise<Found> => {
    await lab.start(1, 2);
    await agent.hello(lab.servers, ['pause']);
    const found = await agent.inject(2, { kind: 'pause' });
    process.kill(found.pid, 'SIGKILL');
    await until('it is gone', async () => (await lab.state(2)) === 'down');
    return found;
  };

  it('is restarted when it is to be resumed', async () => {
    const agent = startAgent();
    const found = await pauseAndKill(agent);
    const now = await agent.ask<Found>('heal', { server: 2, kind: 'pause', process: found });
    expect(now.pid).not.toBe(found.pid);
    expect([lab.pid(2), await lab.state(2)]).toEqual([now.pid, 'up']);
  });

  it('is restarted by the watchdog, too, which says so', async () => {
    const agent = startAgent();
    const { pid } = await pauseAndKill(agent);
    await agent.end();
    expect(await lab.state(2)).toBe('up');
    expect(lab.log(2)).toContain(
      `the fault "pause" was healed (PID ${lab.pid(2)}; process ${pid} had ended): the controller is gone`,
    );
    expect(existsSync(`${lab.pidFile(2)}.faults.lock`)).toBe(false);
  });

  it('is restarted by the next agent if this one was killed', async () => {
    const agent = startAgent();
    await pauseAndKill(agent);
    agent.child.kill('SIGKILL');
    await agent.ended;
    const { servers } = await startAgent().greet();
    expect(servers.flatMap(({ problems }) => problems)).toEqual([]);
    expect(await lab.state(2)).toBe('up');
  });

  it('keeps its lock if it cannot be restarted', async () => {
    const agent = startAgent();
    await pauseAndKill(agent);
    agent.child.kill('SIGKILL');
    await agent.ended;
    writeFileSync(`${lab.server(2).workDir}/server.json`, JSON.stringify({ exitCode: 3 }));
    const next = startAgent();
    const { servers } = await next.greet();
    expect(servers[1]!.problems).toEqual([{ kind: 'lock', text: 'it ended with exit code 3' }]);
    await next.end();
    expect(readFileSync(`${lab.pidFile(2)}.faults.lock`, 'utf8')).toContain('"kind":"pause"');
  });
});

describe('two agents', () => {
  it("the second one gets no lock on the same servers, and learns the first one's pid", async () => {
    await lab.start(1, 2);
    const [first, second] = [startAgent(), startAgent()];
    await first.greet();
    const { servers } = await second.greet();
    expect(servers[0]!.problems).toEqual([
      {
        kind: 'lock',
        text: `process ${first.child.pid} already injects faults into it (${lab.pidFile(1)}.faults.lock)`,
      },
    ]);
    second.child.stdin!.end();
    await second.ended;
    // Its exit did not remove the lock of the first one.
    expect(existsSync(`${lab.pidFile(1)}.faults.lock`)).toBe(true);
    first.child.stdin!.end();
    await first.ended;
    const third = await startAgent().greet();
    expect(third.servers.flatMap(({ problems }) => problems)).toEqual([]);
  });

  it('at the same moment: one of them gets each server', async () => {
    await lab.start(1, 2);
    const hellos = await Promise.all(Array.from({ length: 4 }, () => startAgent().greet()));
    for (const index of [0, 1]) {
      expect(hellos.filter(({ servers }) => servers[index]!.problems.length === 0)).toHaveLength(1);
    }
  });

  it('after the first one was killed, the second one takes over and resumes what it paused', async () => {
    await lab.start(1, 2);
    const first = startAgent();
    await first.greet();
    await first.breakAs(2, 'pause');
    first.child.kill('SIGKILL');
    await first.ended;
    expect(await lab.state(2)).toBe('paused');
    const { servers } = await startAgent().greet();
    expect(servers.flatMap(({ problems }) => problems)).toEqual([]);
    expect(await lab.state(2)).toBe('up');
  });

  it('and starts what it killed', async () => {
    await lab.start(1, 2);
    const first = startAgent();
    await first.greet();
    await first.breakAs(1, 'kill');
    first.child.kill('SIGKILL');
    await first.ended;
    expect(await lab.state(1)).toBe('down');
    const { servers } = await startAgent().greet();
    expect(servers.flatMap(({ problems }) => problems)).toEqual([]);
    expect(await lab.state(1)).toBe('up');
  });

  it('even if the pid file is gone by then', async () => {
    await lab.start(1, 2);
    const first = startAgent();
    await first.greet();
    const { pid } = await first.breakAs(2, 'pause');
    rmSync(lab.pidFile(2));
    first.child.kill('SIGKILL');
    await first.ended;
    await startAgent().greet();
    expect(await fromProc(pid)).toMatchObject({ isPaused: false });
    process.kill(pid, 'SIGKILL');
  });

  it.each(['', 'garbage', '{"pid":1}', '{"pid":1,"start_time":1,"open":{"kind":"pause","process":{"pid":-1}}}'])(
    'a lock file with %j belongs to nobody',
    async (text) => {
      await lab.start(1, 2);
      writeFileSync(`${lab.pidFile(1)}.faults.lock`, text);
      const { servers } = await startAgent().greet();
      expect(servers.flatMap(({ problems }) => problems)).toEqual([]);
    },
  );
});

describe('before the first fault', () => {
  it('reports everything that is wrong', async () => {
    await lab.start(1);
    writeFileSync(`${lab.server(2).workDir}/server.toml`, '[server]\nid = 7\naddress = "127.0.0.1:1"\n');
    const { servers } = await startAgent().greet();
    expect(servers[0]!.problems).toEqual([]);
    expect(servers[1]!.problems).toMatchObject([
      { kind: 'config', text: expect.stringMatching(/server.toml|expected 2, got 7/) },
    ]);
  });

  it('a server that is not running, and one stopped by another program', async () => {
    await lab.start(1);
    process.kill(lab.pid(1), 'SIGSTOP');
    await until('it is stopped', async () => (await fromProc(lab.pid(1)))!.isPaused);
    const { servers } = await startAgent().greet();
    expect(servers.map(({ problems }) => problems)).toEqual([
      [{ kind: 'state', text: 'its process is stopped (SIGSTOP)' }],
      [{ kind: 'state', text: 'it is not running' }],
    ]);
  });

  it('an unwritable log', async () => {
    await lab.start(1, 2);
    const log = `${lab.server(1).workDir}/server_1.log`;
    mkdirSync(log);
    const said = async (kind: FaultKind) => {
      const agent = startAgent();
      const { servers } = await agent.hello(lab.servers, [kind]);
      await agent.end();
      return servers[0]!.problems;
    };
    const text = `cannot write ${log}, the log of the server after a restart: is a folder`;
    expect(await said('kill')).toEqual([{ kind: 'state', text }]);
    expect(await said('pause')).toEqual([]);
  });

  const asRoot = process.geteuid?.() === 0 ? it : it.skip;
  asRoot('a process of another user', async () => {
    await lab.start(1, 2);
    chmodSync(lab.folder, 0o755);
    // All users may create a lock there, but not replace a pid file.
    for (const id of [1, 2]) chmodSync(lab.server(id).workDir, 0o1777);
    const nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
    const agent = new LabAgent([...nobody, process.execPath, program.script, 'fault-agent']);
    agents.push(agent);
    const { servers } = await agent.hello(lab.servers, ['pause']);
    const text = `its process ${lab.pid(1)} belongs to another user: only that user or root may signal it`;
    expect(servers[0]!.problems).toEqual([{ kind: 'state', text }]);
  });

  it('a program that cannot be restarted', async () => {
    await lab.start(1, 2);
    lab.servers[0] = { ...lab.server(1), command: ['../nothing'], binary: '../nothing' };
    const { servers } = await startAgent().greet();
    expect(servers[0]!.problems).toEqual([{ kind: 'config', text: 'its program ../nothing is not executable' }]);
  });
});

describe('invalid requests', () => {
  it.each([
    ['inject', { server: 9, process: processOf(2), fault: { kind: 'kill' }, healWithinMs: 1 }],
    ['find', { server: 9 }],
    ['explode', {}],
    ['hello', { servers: [], kinds: [] }],
  ])('%s %j is refused', async (verb, fields) => {
    await lab.start(1, 2);
    const agent = startAgent();
    await agent.greet();
    await expect(agent.ask(verb, fields)).rejects.toThrow(/^refused: /);
  });

  it('a second fault on a server that has one', async () => {
    await lab.start(1, 2);
    const agent = startAgent();
    await agent.greet();
    const found = await agent.breakAs(1, 'pause');
    const again = { server: 1, process: found, fault: { kind: 'kill' }, healWithinMs: 1000 };
    await expect(agent.ask('inject', again)).rejects.toThrow('refused: it already has a fault');
    expect(await lab.state(1)).toBe('paused');
  });

  it('lines that are not requests are ignored', async () => {
    const agent = startAgent();
    agent.send('hello?\n\n[]\n{}\nnull\n{"id":"x","verb":"time"}\n');
    expect(typeof (await agent.ask('time'))).toBe('number');
  });
});

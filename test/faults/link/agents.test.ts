import { rmSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { locateServer } from '../../../src/config/server-location';
import type { Clock } from '../../../src/core/environment';
import { ClusterError } from '../../../src/core/errors';
import { systemClock } from '../../../src/core/system/system-clock';
import { runAgent } from '../../../src/faults/agent/agent';
import { connectAgents, type ServerAccess } from '../../../src/faults/link/agents';
import type { Channel } from '../../../src/faults/link/channel';
import { fromProc } from '../../../src/faults/drivers/process-info';
import { LikenessLab } from '../likeness-lab';

jest.setTimeout(60_000);
let lab: LikenessLab;
let ended: string[] = [];
beforeEach(async () => {
  ended = [];
  lab = await LikenessLab.create(2);
  await lab.start(1, 2);
  lab.servers[0] = { ...lab.server(1), host: 'one' };
  lab.servers[1] = { ...lab.server(2), host: 'two' };
});
afterEach(() => lab.stop());

interface AgentChanges {
  version?: string;
  clock?: Clock;
}

/** Runs the real agent in this process. */
function channelTo(host: string, { version = '1.0.0', clock = systemClock }: AgentChanges = {}): Channel {
  const [input, output, errors] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const own = { pid: process.pid, startMs: performance.timeOrigin, signal: new AbortController().signal };
  const run = runAgent({ ...own, input, output, version, clock, locate: locateServer });
  return {
    input,
    output,
    errors,
    ended: run.then(() => (ended.push(host), 'it ended with exit code 0')),
    destroy: () => input.destroy(),
  };
}

function connect(
  open: (host: string, signal: AbortSignal) => Channel,
  kinds: ('kill' | 'pause')[] = ['kill'],
  signal = new AbortController().signal,
  clock: Clock = systemClock,
): Promise<ServerAccess> {
  const options = { servers: lab.servers, kinds, program: { version: '1.0.0', command: [] }, clock, signal };
  return connectAgents({ ...options, open: async (host, _, giveUp) => open(host, giveUp) });
}

it("faults are injected by the agent of the server's own host", async () => {
  const hosts: string[] = [];
  const agents = await connect((host) => (hosts.push(host), channelTo(host)));
  expect(hosts).toEqual(['one', 'two']);
  expect(agents.warnings).toEqual([]);
  const found = (await agents.driver.find(2))!;
  await agents.driver.inject(2, found, { kind: 'pause' }, 60_000);
  expect(await Promise.all([lab.state(1), lab.state(2)])).toEqual(['up', 'paused']);
  // The agent heals the fault that is still active.
  await agents.end();
  expect(await lab.state(2)).toBe('up');
  expect(ended.sort()).toEqual(['one', 'two']);
});

it('a clock that is far off causes a warning', async () => {
  const ahead: Clock = { ...systemClock, unixMs: () => systemClock.unixMs() + 3000 };
  const agents = await connect((host) => channelTo(host, host === 'two' ? { clock: ahead } : {}));
  expect(agents.warnings).toEqual([
    expect.stringMatching(/^the clock of two is (299\d|300\d) ms ± \d+ ms ahead of this one: /),
  ]);
  await agents.end();
});

it('reports everything that is wrong anywhere, and leaves no agent behind', async () => {
  const attempt = connect((host) => {
    if (host === 'two') throw new ClusterError('not_reachable', 'two: no route to the host');
    return channelTo(host, { version: '0.9.0' });
  });
  await expect(attempt).rejects.toMatchObject({
    code: 'not_reachable',
    message: 'one: the program there is version 0.9.0, this one is 1.0.0\ntwo: no route to the host',
  });
  expect(ended).toEqual(['one']);
});

it('Ctrl-C while connecting: interrupted, and no agent is left', async () => {
  const stop = new AbortController();
  const attempt = connect(
    (host) => {
      stop.abort();
      return channelTo(host);
    },
    ['kill'],
    stop.signal,
  );
  await expect(attempt).rejects.toMatchObject({ code: 'interrupted' });
  expect(ended.sort()).toEqual(['one', 'two']);
});

it('Ctrl-C later on: a lost agent is still replaced, as there may be faults to heal', async () => {
  const stop = new AbortController();
  const channels: Channel[] = [];
  const agents = await connect(
    (host, signal) => {
      signal.throwIfAborted();
      const channel = channelTo(host);
      channels.push(channel);
      return channel;
    },
    ['kill'],
    stop.signal,
  );
  const found = (await agents.driver.find(1))!;
  await agents.driver.inject(1, found, { kind: 'pause' }, 60_000);
  stop.abort();
  channels[0]!.input.end();
  await new Promise((resolve) => agents.lost.addEventListener('abort', resolve));
  expect(await agents.driver.heal(1, 'pause', found)).toMatchObject({ pid: lab.pid(1) });
  await agents.end();
});

it('a replacement agent that does not get the locks is useless, and every call says so', async () => {
  const channels: Channel[] = [];
  // Half a minute passes between two attempts.
  let nowMs = 0;
  const agents = await connect(
    (host) => {
      const channel = channelTo(host);
      channels.push(channel);
      return channel;
    },
    ['kill'],
    undefined,
    { ...systemClock, monotonicMs: () => (nowMs += channels.length > 2 ? 31_000 : 0) },
  );
  const lock = `${lab.pidFile(1)}.faults.lock`;
  channels[0]!.input.end();
  await new Promise((resolve) => agents.lost.addEventListener('abort', resolve));
  // Something else is faster: this very process.
  const { kernelStart } = (await fromProc(process.pid))!;
  writeFileSync(lock, JSON.stringify({ pid: process.pid, start_time: 0, kernel_start: kernelStart }));
  const reason = `process ${process.pid} already injects faults into it (${lock})`;
  await expect(agents.driver.find(1)).rejects.toThrow(reason);
  await expect(agents.driver.find(1)).rejects.toThrow(reason);
  rmSync(lock);
  expect(await agents.driver.find(1)).toMatchObject({ pid: lab.pid(1) });
  await agents.end();
  await expect(agents.driver.find(1)).rejects.toThrow('the fault agent on one was told to end');
});

it('a lost agent is reported and replaced', async () => {
  const channels: Channel[] = [];
  const agents = await connect((host) => {
    const channel = channelTo(host);
    channels.push(channel);
    return channel;
  });
  const found = (await agents.driver.find(1))!;
  await agents.driver.inject(1, found, { kind: 'pause' }, 60_000);
  channels[0]!.input.end();
  await new Promise((resolve) => agents.lost.addEventListener('abort', resolve));
  expect(agents.lost.reason).toBe('the fault agent on one is gone: it ended with exit code 0');
  expect(await agents.driver.find(1)).toMatchObject({ isPaused: false });
  expect(await agents.driver.heal(1, 'pause', found)).toMatchObject({ pid: lab.pid(1) });
  expect(channels).toHaveLength(3);
  await agents.end();
});

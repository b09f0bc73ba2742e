import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { Cluster } from '../support/cluster';
import { inFolder, PROGRAM } from '../support/program';
import { RawConnection } from '../support/raw';

const LIMIT = 200;
/** Slightly more than an idle server has open. */
const FULL = 64;
const HAS_PRLIMIT = spawnSync('prlimit', ['--version']).status === 0;
if (!HAS_PRLIMIT) console.log('prlimit is not there: one test of open files is skipped');
const withPrlimit = HAS_PRLIMIT ? test : test.skip;

const pidOf = (cluster: Cluster, id: number): number => cluster.processes.get(id)!.pid!;
const filesOf = (cluster: Cluster, id: number): number => readdirSync(`/proc/${pidOf(cluster, id)}/fd`).length;
const isAlive = (cluster: Cluster, id: number): boolean => cluster.processes.get(id)!.exitCode === null;
const samplesOf = (cluster: Cluster, id: number): number =>
  cluster.events(id).filter(({ event }) => event === 'sample').length;

/** Runs `body` with servers that may have at most `limit` open files each. */
async function inLimitedCluster(
  servers: number,
  limit: number,
  extraToml: string,
  body: (cluster: Cluster, open: (id: number, count: number) => Promise<RawConnection[]>) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const command = ['sh', '-c', `ulimit -n ${limit}; exec "$@"`, 'sh', PROGRAM];
    const cluster = await Cluster.create({ command, folder, servers, extraToml });
    const opened: RawConnection[] = [];
    const open = async (id: number, count: number): Promise<RawConnection[]> => {
      const more = await RawConnection.openMany(cluster.address(id), count);
      opened.push(...more);
      return more;
    };
    try {
      cluster.startAll();
      await cluster.ready();
      await body(cluster, open);
    } finally {
      for (const connection of opened) connection.destroy();
      await cluster.stop();
    }
  });
}

async function expectAnswer(cluster: Cluster, id: number): Promise<void> {
  const connection = await RawConnection.open(cluster.address(id));
  expect(await connection.ask('LeaderQuery')).toHaveProperty('LeaderResponse.term');
  connection.destroy();
}

test('a crowd of idle connections leaves files for peers, samples and clients', async () => {
  const extraToml = '[processing]\nworkers = 2\n';
  await inLimitedCluster(3, LIMIT, extraToml, async (cluster, open) => {
    const { leaderId } = await cluster.agreement();
    const warning = new RegExp(
      `WARN limits\\.max_connections is 16384, but this process is limited to ${LIMIT} open files: it accepts at most (\\d+) ` +
        'connections; for all of them raise the limit \\(ulimit -n 32768;.*LimitNOFILE',
    );
    for (const id of cluster.ids) expect(cluster.output.get(id)).toMatch(warning);
    const maxConnections = Number(warning.exec(cluster.output.get(leaderId)!)![1]);
    const connections = await open(leaderId, 3 * LIMIT);
    const isClosed = (): number => connections.filter((connection) => connection.isClosed).length;
    await cluster.until('the longest idle connections are closed', () => isClosed() >= 3 * LIMIT - maxConnections);
    expect(filesOf(cluster, leaderId)).toBeLessThan(LIMIT);
    // A restarted peer is still accepted.
    const follower = cluster.ids.find((id) => id !== leaderId)!;
    await cluster.kill(follower);
    cluster.restart(follower);
    await cluster.ready([follower]);
    await cluster.agreement();
    const before = samplesOf(cluster, leaderId);
    await cluster.until('samples go on', () => samplesOf(cluster, leaderId) >= before + 2);
    await expectAnswer(cluster, leaderId);
    for (const id of cluster.ids) expect(cluster.output.get(id)).not.toMatch(/EMFILE|ERROR/);
  });
}, 60_000);

test('a server whose open-file limit is too low says so and does not start', async () => {
  await inFolder(async (cwd) => {
    const limited = ['-c', 'ulimit -n 70; exec "$@"', 'sh', PROGRAM, 'server', '--address', '127.0.0.1:9'];
    const { status, stderr } = spawnSync('sh', limited, { cwd, encoding: 'utf8', timeout: 10_000 });
    expect(stderr).toMatch(
      /^Error: .*needs at least \d+ open files and the limit of this process is 70: raise the limit/,
    );
    expect(status).toBe(2);
  });
}, 30_000);

withPrlimit(
  'out of file descriptors, connections are refused and nothing else is lost',
  async () => {
    await inLimitedCluster(1, 4096, '', async (cluster, open) => {
      const setLimit = (count: number): void =>
        void execFileSync('prlimit', ['--pid', String(pidOf(cluster, 1)), `--nofile=${count}:4096`]);
      const [old] = await open(1, 1);
      expect(await old!.ask('LeaderQuery')).toHaveProperty('LeaderResponse.term');
      // As with a leak: a few connections get the last descriptors.
      setLimit(FULL);
      const newcomers = await open(1, 2 * FULL);
      await cluster.until('some are turned away', () => newcomers.some(({ isClosed }) => isClosed));
      expect(newcomers.some(({ isClosed }) => !isClosed)).toBe(true);
      const before = samplesOf(cluster, 1);
      const cpuBefore = cpuMs(pidOf(cluster, 1));
      const sinceMs = performance.now();
      await cluster.until('samples go on', () => samplesOf(cluster, 1) >= before + 3);
      const share = (cpuMs(pidOf(cluster, 1)) - cpuBefore) / (performance.now() - sinceMs);
      console.log(`CPU while nobody can be let in: ${(100 * share).toFixed(0)} %`);
      expect(share).toBeLessThan(0.3);
      expect(isAlive(cluster, 1)).toBe(true);
      const memory = cluster.events(1).flatMap((event) => (event.event === 'sample' ? [event.memory_bytes] : []));
      expect(Math.min(...memory)).toBeGreaterThan(1e6);
      expect(await old!.ask('LeaderQuery')).toHaveProperty('LeaderResponse.term');
      setLimit(4096);
      await expectAnswer(cluster, 1);
    });
  },
  60_000,
);

/** The CPU time that the process has used so far; the kernel counts hundredths of a second. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

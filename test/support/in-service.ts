import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Cluster, freePorts } from './cluster';
import { faultIn } from './fault-events';
import { inCluster } from './in-cluster';
import { runProgram } from './program';

const SMALL = readFileSync(path.join(__dirname, '../../test_images/small.png'));

/** One server, and a folder with everything that the other commands need. */
export interface Service {
  cwd: string;
  cluster: Cluster;
  /** Two clients of this server; add a number of requests or a duration. */
  stress: string[];
  client: string[];
  /** One pause of the server; add `--restart-delay`. */
  faults: string[];
}

/** Runs `body` next to one server that is ready. */
export function inService(body: (service: Service) => Promise<void>): Promise<void> {
  return inCluster({ servers: 1 }, async (cluster, cwd) => {
    mkdirSync(path.join(cwd, 'images'));
    writeFileSync(path.join(cwd, 'images', 'small.png'), SMALL);
    writeFileSync(path.join(cwd, 'faults.toml'), '[[servers]]\nid = 1\nconfig = "server.toml"\nwork_dir = "s1"\n');
    const load = [
      '--image-dir',
      'images',
      '--server',
      cluster.address(1),
      '--min-delay-ms',
      '0',
      '--max-delay-ms',
      '0',
    ];
    const pause = ['--kind', 'pause', '--cycles', '1', '--interval', '0'];
    await body({
      cwd,
      cluster,
      stress: ['stress', '--clients', '2', ...load],
      client: ['client', '--metrics-output', 'client.json', ...load],
      faults: ['faults', '--config', 'faults.toml', '--allow-total-outage', ...pause],
    });
  });
}

export const jsonOf = <T>(...names: string[]): T => JSON.parse(readFileSync(path.join(...names), 'utf8')) as T;
export const linesOf = (...names: string[]): string[] =>
  readFileSync(path.join(...names), 'utf8')
    .trimEnd()
    .split('\n');

/**
 * Reads what the two clients of `stress` wrote: the requests they counted, those in the records, and their
 * `interrupted`.
 */
export function loadOf(cwd: string): { counted: number; records: number; interrupted: boolean[] } {
  type ClientFile = { interrupted: boolean; aggregated_stats: { total_requests: number } };
  const files = [1, 2].map((id) => jsonOf<ClientFile>(cwd, 'metrics', `machine_1_client_${id}.json`));
  const counted = files.reduce((sum, { aggregated_stats: stats }) => sum + stats.total_requests, 0);
  const isCounted = (line: string): boolean => /"outcome":"(success|failure)"/.test(line);
  const records = linesOf(cwd, 'metrics', 'machine_1_requests.ndjson').filter(isCounted).length;
  return { counted, records, interrupted: files.map(({ interrupted }) => interrupted) };
}

/** The actions of `faults`, as `pause done`. */
export function faultsOf(cwd: string): string[] {
  return linesOf(cwd, 'fault_events.ndjson')
    .flatMap(faultIn)
    .map(({ action, outcome }) => `${action} ${outcome}`);
}

/** Arguments that start a server alone in an empty folder; at this log level it logs every task. */
export async function serverArgs(): Promise<{ args: string[]; address: string }> {
  const [port] = await freePorts(1);
  return { args: ['server', '--address', `127.0.0.1:${port}`, '--log-level', 'debug'], address: `127.0.0.1:${port}` };
}

/** Expects the server to answer and to execute tasks. */
export async function expectService(cwd: string, address: string): Promise<void> {
  writeFileSync(path.join(cwd, 'small.png'), SMALL);
  const run = (...args: string[]) => runProgram([...args, '--server', address], { cwd, timeoutMs: 20_000 });
  expect(await run('status', '--wait', '10')).toMatchObject({ code: 0 });
  expect(await run('client', 'hide', 'small.png', '--out', 'carrier.png')).toMatchObject({ code: 0 });
}

/** The last event of a server that ran in this folder. */
export function lastEvent(cwd: string): string {
  return (JSON.parse(linesOf(cwd, 'server_1_events.ndjson').at(-1)!) as { event: string }).event;
}

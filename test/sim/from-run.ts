import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'toml';
import type { FaultAction, FaultEvent, RequestRecord, ServerEvent } from '../../src/core/metrics/record';
import { DEFAULTS } from './settings';

/** The most clients of a scenario: with more, a run of it takes minutes. */
const MOST_CLIENTS = 50;
/** After the last fault, the servers agree and the clients end. */
const CALM_MS = 30_000;

/** The parts of the files of a run and of its loads that a scenario is made of. */
interface RunJson {
  seed?: number;
  config: { faults?: { partition_from?: string; delay_ms?: number; loss_percent?: number } };
}

interface LoadJson {
  started_at: number;
  config: { num_clients?: number; min_delay_ms?: number; max_delay_ms?: number; rate_per_second?: number };
}

interface ServerToml {
  election?: { heartbeat_interval_secs?: number; failure_timeout_secs?: number; election_timeout_secs?: number };
  processing?: { workers?: number; queue_limit?: number };
}

/**
 * Returns the scenario of a folder of `cloudp2p run`: its servers, timings and clients, and its faults at their times. What
 * the folder does not tell is as by default; images are as small as the simulator's are.
 */
export function scenarioOfRun(folder: string): { title: string[]; script: string[] } {
  const run = json<RunJson>(path.join(folder, 'run.json'));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name));
  const named = (pattern: RegExp): string[] => files.filter((file) => pattern.test(path.basename(file))).sort();
  const starts = named(/^server_\d+_events\.ndjson$/).map(firstStart);
  if (starts.length === 0) throw new Error(`${folder}: there is no file of a server's events`);
  const zero = Math.min(...starts);
  const loads = named(/^machine_\d+_run\.json$/).map((file) => json<LoadJson>(file));
  const records = named(/^machine_\d+_requests\.ndjson$/).flatMap((file) => lines<RequestRecord>(file));
  const faults = named(/^fault_events\.ndjson$/).flatMap((file) => lines<FaultEvent>(file));
  const hosts = { servers: starts.length, clients: clientCount(loads) };
  const steps = faults.flatMap((each) => stepOf(each, run, hosts, zero));
  const lastMs = Math.max(0, ...steps.map(({ atMs }) => atMs));
  const script = [
    `seed ${run.seed ?? DEFAULTS.seed}`,
    `servers ${starts.length}`,
    `start ${starts.map((time) => (time - zero).toFixed(3)).join(' ')}`,
    ...serverSettings(named(/^server\.toml$/)[0]),
    ...clientSettings(loads, records, zero),
    ...steps.map(({ atMs, what }) => `at ${atMs.toFixed(3)} ${what}`),
    `at ${(lastMs + CALM_MS).toFixed(3)} expect done`,
  ];
  return { title: [`# The faults and timings of the run in ${path.basename(path.resolve(folder))}`], script };
}

function serverSettings(file: string | undefined): string[] {
  const { election = {}, processing = {} } =
    file === undefined ? {} : (parse(readFileSync(file, 'utf8')) as ServerToml);
  const { timings, workers, queueLimit } = DEFAULTS;
  const ms = (secs: number | undefined, otherwise: number): number => (secs === undefined ? otherwise : secs * 1000);
  const all = [
    ms(election.heartbeat_interval_secs, timings.heartbeatMs),
    ms(election.failure_timeout_secs, timings.failureTimeoutMs),
    ms(election.election_timeout_secs, timings.electionTimeoutMs),
  ];
  const { workers: ownWorkers = workers, queue_limit: ownLimit = queueLimit } = processing;
  return [`timings ${all.join(' ')}`, `workers ${ownWorkers}`, `queue ${ownLimit}`];
}

function clientCount(loads: readonly LoadJson[]): number {
  return Math.min(
    MOST_CLIENTS,
    loads.reduce((sum, { config }) => sum + (config.num_clients ?? 0), 0),
  );
}

/** An open loop becomes clients that wait as long between two requests as each of them had. */
function clientSettings(loads: readonly LoadJson[], records: readonly RequestRecord[], zero: number): string[] {
  const clients = clientCount(loads);
  if (clients === 0) return [];
  const thinks = loads.map(
    ({ config: { rate_per_second: rate, min_delay_ms: min = 0, max_delay_ms: max = 0, ...own } }) =>
      rate === undefined ? (min + max) / 2 : ((own.num_clients ?? 1) * 1000) / rate,
  );
  const thinkMs = thinks.reduce((a, b) => a + b, 0) / thinks.length;
  const beginMs = Math.max(0, Math.min(...loads.map(({ started_at: time }) => time)) - zero);
  const tasks = Math.max(1, Math.round(records.length / clients));
  return [`clients ${clients} tasks ${tasks}`, `think ${Math.round(thinkMs)}`, `begin ${Math.round(beginMs)}`];
}

/** Faults that failed, and what is no fault, are left out. */
function stepOf(
  { time, server_id: id, action, outcome }: FaultEvent,
  { config: { faults = {} } }: RunJson,
  { servers, clients }: { servers: number; clients: number },
  zero: number,
): { atMs: number; what: string }[] {
  if (outcome !== 'done') return [];
  const { partition_from: from = 'both', delay_ms: delayMs = 200, loss_percent: lossPercent = 20 } = faults;
  const names = (kind: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${kind}${at + 1}`);
  const peers = names('server', servers).filter((each) => each !== `server${id}`);
  const others = [...(from === 'clients' ? [] : peers), ...(from === 'peers' ? [] : names('client', clients))];
  const verbs: Record<FaultAction, string> = {
    kill: `kill ${id}`,
    terminate: `terminate ${id}`,
    restart: `restart ${id}`,
    pause: `pause ${id}`,
    resume: `resume ${id}`,
    partition: `cut ${id} from ${others.join(',')} packets both`,
    delay: `slow ${id} by ${delayMs}`,
    loss: `slow ${id} by 0 loss ${lossPercent / 100}`,
    heal: `heal ${id}`,
  };
  return [{ atMs: time - zero, what: verbs[action] }];
}

function firstStart(file: string): number {
  const started = lines<ServerEvent>(file).find(({ event }) => event === 'started');
  if (started === undefined) throw new Error(`${file}: there is no start of the server in it`);
  return started.time;
}

function json<T>(file: string): T {
  if (!existsSync(file)) throw new Error(`${file}: does not exist; expected a folder of cloudp2p run`);
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

function lines<T>(file: string): T[] {
  const all = readFileSync(file, 'utf8').split('\n');
  return all.flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line) as T] : []));
}

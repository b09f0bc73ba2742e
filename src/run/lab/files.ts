/** The configuration files of a run's machines, as texts. */
import type { Lab, LabServer } from '../../config/lab-config';
import type { RunConfig } from '../../config/run-config';
import type { TlsPem } from '../../core/transport/tls';
import { quoted, serverLines } from '../server-text';

/** Paths in the work folder of a machine. */
export const PROGRAM_FILE = 'cloudp2p';
export const CLIENT_FILE = 'config/client_stress.toml';
export const STRESS_FILE = 'config/stress.toml';
export const METRICS_FOLDER = 'metrics';
/** Which run uses the folder. */
export const LOCK_FILE = 'run.lock';

/** Each server says so too, where nobody looks before there is trouble. */
export const IN_THE_CLEAR =
  'servers listen on all addresses of their machines without TLS: whoever reaches them may read all, send tasks and ' +
  'pose as a server ([tls])';

/** What the machines of a run speak TLS with. */
export interface LabTls {
  /** Of all clients. */
  client: TlsPem;
  /** By id. */
  servers: ReadonlyMap<number, TlsPem>;
}

/** Where the parts of one certificate go, in the work folder; `owner` is "client" or "server1". */
export function tlsPathsOf(owner: string): Record<keyof TlsPem, string> {
  return { ca: 'config/tls/ca.pem', cert: `config/tls/${owner}.pem`, key: `config/tls/${owner}-key.pem` };
}

export function serverFileOf(id: number): string {
  return `config/server${id}.toml`;
}

export function eventsFileOf(id: number): string {
  return `server_${id}_events.ndjson`;
}

/** What comes before the names of an earlier run's files; `time`: the start of this one. */
export function asidePrefix(time: string): string {
  return `before_${time}_`;
}

/** server{id}.toml: it listens everywhere, and its peers are the others. */
export function serverText({ id, address, tls }: LabServer, servers: readonly LabServer[]): string {
  // A name is reached by IPv4: [::] takes both, but where a machine has no IPv6 a server could not listen on it at all.
  const everywhere = address.startsWith('[') ? '[::]' : '0.0.0.0';
  const port = address.slice(address.lastIndexOf(':') + 1);
  const peers = servers.filter((other) => other.id !== id);
  return textOf([
    ...serverLines({ id, address: `${everywhere}:${port}`, advertiseAddress: address }, peers),
    ...(tls === undefined ? [] : tlsLines(`server${id}`)),
  ]);
}

/** client_stress.toml */
export function clientText({ servers, tls }: Lab, requestTimeoutMs: number): string {
  return textOf([
    '[client]',
    'name = "StressTestClient"',
    'server_addresses = [',
    ...servers.map(({ address }) => `    ${quoted(address)},`),
    ']',
    `request_timeout_secs = ${decimal(requestTimeoutMs / 1000)}`,
    ...(tls === undefined ? [] : tlsLines('client')),
  ]);
}

export interface StressText {
  machineId: number;
  stress: RunConfig['stress'];
  seed: number;
  /** When a load without a limit ends at the latest; its end is said to it. */
  longestMs: number;
  /** In the work folder; undefined: whatever is in its test_images, or the built-in ones. */
  imageFolder?: string;
}

/** stress.toml of one client machine. */
export function stressText({ machineId, stress, seed, longestMs, imageFolder }: StressText): string {
  const { pacing, totalRequests, durationMs, rampUpMs } = stress.requests;
  const isEndless = totalRequests === undefined && durationMs === undefined;
  const duration = isEndless ? longestMs : durationMs;
  const pace =
    pacing.mode === 'rate'
      ? [`rate_per_second = ${decimal(pacing.ratePerSecond)}`, `arrivals = ${quoted(pacing.arrivals)}`]
      : [`min_delay_ms = ${decimal(pacing.minDelayMs)}`, `max_delay_ms = ${decimal(pacing.maxDelayMs)}`];
  return textOf([
    '[stress]',
    `machine_id = ${machineId}`,
    `num_clients = ${stress.numClients}`,
    ...(totalRequests === undefined ? [] : [`requests_per_client = ${totalRequests}`]),
    ...pace,
    ...(duration === undefined ? [] : [`duration_secs = ${decimal(duration / 1000)}`]),
    `ramp_up_secs = ${decimal(rampUpMs / 1000)}`,
    `warmup_secs = ${decimal(stress.warmupMs / 1000)}`,
    ...(imageFolder === undefined ? [] : [`image_directory = ${quoted(`./${imageFolder}`)}`]),
    `client_config = ${quoted(`./${CLIENT_FILE}`)}`,
    `metrics_output_dir = ${quoted(`./${METRICS_FOLDER}`)}`,
    `seed = ${seed}`,
  ]);
}

function tlsLines(owner: string): string[] {
  return ['', '[tls]', ...Object.entries(tlsPathsOf(owner)).map(([key, file]) => `${key} = ${quoted(file)}`)];
}

function textOf(lines: readonly string[]): string {
  return ['# Written by cloudp2p run.', ...lines, ''].join('\n');
}

/** TOML's numbers, without an exponent. */
function decimal(value: number): string {
  return Number(value.toFixed(6)).toString();
}

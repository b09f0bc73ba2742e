/** The names and texts of a run's files in the work folders of its machines. */
import type { Lab, LabServer } from '../../config/lab-config';
import type { RunConfig } from '../../config/run-config';
import { WITHOUT_TLS } from '../../core/transport/wire/tls-problem';
import { quoted, serverLines } from '../server-text.pure';

/** Paths in the work folder of a machine. */
export const PROGRAM_FILE = 'cloudp2p';
export const CLIENT_FILE = 'config/client_stress.toml';
export const STRESS_FILE = 'config/stress.toml';
export const METRICS_FOLDER = 'metrics';
/** The lock that names the run using the folder. */
export const LOCK_FILE = 'run.lock';

/** The servers warn too, but only in their logs. */
export const IN_THE_CLEAR = `servers listen on all addresses of their machines ${WITHOUT_TLS}`;

/** The paths of the parts of one certificate in the work folder; `owner` is "client" or "server1". */
export function tlsPathsOf(owner: string): Record<'ca' | 'cert' | 'key', string> {
  return { ca: 'config/tls/ca.pem', cert: `config/tls/${owner}.pem`, key: `config/tls/${owner}-key.pem` };
}

export function serverFileOf(id: number): string {
  return `config/server${id}.toml`;
}

export function eventsFileOf(id: number): string {
  return `server_${id}_events.ndjson`;
}

/** The prefix of the names of an earlier run's files; `time`: the start of this one. */
export function asidePrefix(time: string): string {
  return `before_${time}_`;
}

/** Returns server{id}.toml: it listens on every address, and its peers are the others. */
export function serverText({ id, address, tls }: LabServer, servers: readonly LabServer[]): string {
  // Names resolve to IPv4: [::] accepts both, but a server cannot listen on it on a machine without IPv6.
  const everywhere = address.startsWith('[') ? '[::]' : '0.0.0.0';
  const port = address.slice(address.lastIndexOf(':') + 1);
  const peers = servers.filter((other) => other.id !== id);
  return textOf([
    ...serverLines({ id, address: `${everywhere}:${port}`, advertiseAddress: address }, peers),
    ...(tls === undefined ? [] : tlsLines(`server${id}`)),
  ]);
}

/** Returns client_stress.toml. */
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
  /** The latest end of a load without a limit, which is ended by a signal. */
  longestMs: number;
  /** In the work folder; undefined for its test_images, or the built-in ones. */
  imageFolder?: string;
}

/** Returns stress.toml of one client machine. */
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
    `graceful_stop_secs = ${decimal(stress.gracefulStopMs / 1000)}`,
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

/** Formats a number for TOML, without an exponent. */
function decimal(value: number): string {
  return Number(value.toFixed(6)).toString();
}

import { type ClientConfig, loadClientConfig, type Pacing } from '../../config/client-config';
import { canonicalAddress, isDialAddress, ADDRESS_SHAPE } from '../../core/address';
import { ClusterError } from '../../core/errors';

export const DEFAULT_CLIENT_FILE = 'config/client_stress.toml';
const DEFAULT_MIN_DELAY_MS = 100;
const DEFAULT_MAX_DELAY_MS = 2000;

/** The settings that a command line may override; undefined if it does not. */
export interface ClientOverrides {
  servers?: readonly string[];
  imageDir?: string;
  totalRequests?: number;
  ratePerSecond?: number;
  durationSecs?: number;
  minDelayMs?: number;
  maxDelayMs?: number;
  machineId?: number;
  clientId?: number;
}

/**
 * Reads the client configuration from the named file, which must exist, or from the default one if it exists;
 * the command line overrides it.
 * @throws ClusterError `bad_config` | `bad_usage`
 */
export function clientConfigOf(file: string | undefined, overrides: ClientOverrides): ClientConfig {
  const config = loadClientConfig(file ?? DEFAULT_CLIENT_FILE, { required: file !== undefined });
  return applyOverrides(config, overrides);
}

/** @throws ClusterError `bad_usage` */
export function applyOverrides(config: ClientConfig, overrides: ClientOverrides): ClientConfig {
  const { servers, imageDir = config.imageDir, machineId, clientId } = overrides;
  const isNumbered = machineId !== undefined || clientId !== undefined;
  return {
    ...config,
    imageDir,
    name: isNumbered ? `Machine_${machineId ?? 1}_Client_${clientId ?? 1}` : config.name,
    serverAddresses: servers === undefined ? config.serverAddresses : serversOf(servers),
    requests: { pacing: pacingOf(config.requests.pacing, overrides), ...limitsOf(config, overrides) },
  };
}

/** A limit on the command line replaces both limits of the file. */
function limitsOf(
  { requests }: ClientConfig,
  { totalRequests, durationSecs }: ClientOverrides,
): Omit<ClientConfig['requests'], 'pacing'> {
  if (totalRequests === undefined && durationSecs === undefined) {
    return { durationMs: requests.durationMs, totalRequests: requests.totalRequests };
  }
  return { durationMs: durationSecs === undefined ? undefined : durationSecs * 1000, totalRequests };
}

function pacingOf(file: Pacing, { ratePerSecond, minDelayMs, maxDelayMs }: ClientOverrides): Pacing {
  const isLoop = minDelayMs !== undefined || maxDelayMs !== undefined;
  if (ratePerSecond !== undefined) {
    if (!isLoop) return { mode: 'rate', ratePerSecond };
    throw new ClusterError('bad_usage', '--rate and think times (--min-delay-ms, --max-delay-ms) exclude each other');
  }
  if (!isLoop) return file;
  const known = file.mode === 'closed_loop' ? file : undefined;
  const max = maxDelayMs ?? Math.max(known?.maxDelayMs ?? DEFAULT_MAX_DELAY_MS, minDelayMs ?? 0);
  const min = minDelayMs ?? Math.min(known?.minDelayMs ?? DEFAULT_MIN_DELAY_MS, max);
  if (min > max) throw new ClusterError('bad_usage', `--min-delay-ms ${min} is above --max-delay-ms ${max}`);
  return { mode: 'closed_loop', minDelayMs: min, maxDelayMs: max };
}

function serversOf(texts: readonly string[]): string[] {
  const bad = texts.find((text) => !isDialAddress(text));
  if (bad !== undefined) throw new ClusterError('bad_usage', `--server: expected ${ADDRESS_SHAPE}, got "${bad}"`);
  const seen = new Set<string>();
  return texts.filter((text) => !seen.has(canonicalAddress(text)) && seen.add(canonicalAddress(text)));
}

/** Hides an image through the cluster for `client hide`, and reads the secret out of a carrier for `client reveal`. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Clock, Random } from '../core/environment';
import { ClusterError, type ErrorCode } from '../core/errors';
import { VERIFICATION_FAILED } from '../core/metrics/failure-reasons';
import type { RequestRecord } from '../core/metrics/record';
import { revealCarrier } from '../imaging/decoder';
import type { CrcState } from '../imaging/payload-sink';
import type { Secure } from '../core/transport/network';
import { resolveAddressAliases } from './address-aliases';
import { VirtualClient } from './client';
import { Hedging } from './attempt/hedging';
import { inputPieces, readInputFile } from '../files/input-file';
import { MAX_SENDABLE_BYTES } from './images';
import { checkTarget, type NamedFile, refuseOverwriting } from '../files/target';
import { writeWhole } from '../files/write-whole';

const MAX_CARRIER_BYTES = 1024 * 1024 * 1024;
/** Errors that refuse the image itself. */
const IMAGE_FAULTS: readonly string[] = ['secret_too_large', 'secret_empty', 'frame_too_large'];

export interface HideOptions {
  image: string;
  out: string;
  /** Other files that were read and must not be overwritten. */
  inputs?: readonly NamedFile[];
  addresses: readonly string[];
  clientName: string;
  requestTimeoutMs: number;
  random: Random;
  clock: Clock;
  /** Default: no TLS. */
  secure?: Secure;
}

export interface HideResult {
  out: string;
  carrier_bytes: number;
  secret_bytes: number;
  server_id: number | null;
  latency_ms: number;
  retry_count: number;
  /** The servers that sent a wrong carrier before; null: of unknown id. */
  wrong_carriers: (number | null)[];
}

/**
 * Runs one task: hides an image through the cluster, verifies the carrier and writes it atomically.
 * @throws ClusterError with the reason of the failure; `bad_usage` for the files
 */
export async function hideImage(options: HideOptions): Promise<HideResult> {
  const { image, out, addresses, clientName, requestTimeoutMs, random, clock, secure } = options;
  refuseOverwriting([out], [{ path: image, name: 'the image' }, ...(options.inputs ?? [])]);
  // Before the cluster does any work.
  checkTarget(out);
  const bytes = readInputFile(image, MAX_SENDABLE_BYTES);
  const aliases = await resolveAddressAliases(addresses);
  const hedging = new Hedging(1);
  const identity = { clientId: 1, clientName, runId: randomUUID(), addresses, aliases };
  const client = new VirtualClient({ ...identity, requestTimeoutMs, hedging, random, clock, secure });
  let carrier: Uint8Array[] = [];
  let refusal: string | undefined;
  const record = await client.request({ name: path.basename(image), bytes }, 1, {
    onCarrier: (chunks) => (carrier = chunks),
    onServerError: (code) => (refusal = code),
  });
  const closed = client.close();
  if (!record.success) throw failureOf(record, refusal, addresses, client);
  await writeWhole(out, carrier);
  await closed;
  const { assigned_server_id: server_id, latency_ms, retry_count } = record;
  const carrier_bytes = carrier.reduce((sum, chunk) => sum + chunk.length, 0);
  const { wrong_carriers = [] } = record;
  return { out, carrier_bytes, secret_bytes: bytes.length, server_id, latency_ms, retry_count, wrong_carriers };
}

export interface RevealResult {
  secret: Uint8Array;
  crc: CrcState;
}

/**
 * Returns the secret in a carrier file. `out`: the file to which it will be written.
 * @throws ClusterError `bad_usage` for the files, `bad_image` if it contains none
 */
export function revealFile(carrier: string, out?: string): RevealResult {
  if (out !== undefined) refuseOverwriting([out], [{ path: carrier, name: 'the carrier' }]);
  try {
    return revealCarrier(inputPieces(carrier, MAX_CARRIER_BYTES));
  } catch (error) {
    if (!(error instanceof ClusterError) || error.message.startsWith(carrier)) throw error;
    throw new ClusterError(error.code, `${carrier}: ${error.message}`, { cause: error });
  }
}

function failureOf(
  record: RequestRecord,
  refusal: string | undefined,
  addresses: readonly string[],
  { unreached }: VirtualClient,
): ClusterError {
  const reason = record.failure_reason ?? record.outcome;
  return new ClusterError(codeOf(reason, refusal), textOf(reason, addresses, unreached));
}

/** Keeps "refused" for servers: a program that answers as no server does has not refused the connection. */
function textOf(reason: string, addresses: readonly string[], unreached: readonly string[]): string {
  if (reason !== 'Connection refused') return reason;
  const hasProblem = unreached.some((each) => !addresses.includes(each));
  return hasProblem ? `no server could be reached: ${unreached.join(', ')}` : `${reason} (${addresses.join(', ')})`;
}

function codeOf(reason: string, refusal: string | undefined): ErrorCode {
  if (refusal !== undefined && IMAGE_FAULTS.includes(refusal)) return 'secret_too_large';
  if (reason === VERIFICATION_FAILED) return 'verification_failed';
  if (reason === 'Server overloaded') return 'overloaded';
  return reason === 'No leader available' ? 'no_leader' : 'not_reachable';
}

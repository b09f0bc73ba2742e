import type { ErrorCode } from '../core/errors';
import type { SharedLadder } from './ladder';
import type { Compression } from './plan';

/** A worker's start data: the file to decode (the first one) or the finished ladder. */
export interface WorkerStart {
  compression: Compression;
  maxSecretBytes: number;
  cover: Uint8Array | null;
  ladder: SharedLadder | null;
}

/** Messages to the worker. `pull` asks for one part; a pull for a job that is over is ignored. */
export type WorkerRequest =
  { kind: 'job'; id: number; secret: Uint8Array } | { kind: 'pull'; id: number } | { kind: 'cancel'; id: number };

/** Messages from the worker. `byteLength` comes with the first part; `part` null: the carrier is complete. */
export type WorkerAnswer =
  | { kind: 'ladder'; ladder: SharedLadder }
  | { kind: 'part'; id: number; part: Uint8Array | null; byteLength: number }
  | { kind: 'failed'; id: number | null; code: ErrorCode; message: string };

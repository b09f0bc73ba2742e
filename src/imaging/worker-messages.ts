/** The messages between the image pool and its worker threads. */
import type { ErrorCode } from '../core/errors';
import type { SharedPyramid } from './cover-pyramid';
import type { Compression } from './carrier-plan';

/** A worker's start data: the file to decode (the first one) or the finished pyramid. */
export interface WorkerStart {
  compression: Compression;
  maxSecretBytes: number;
  cover: Uint8Array | null;
  pyramid: SharedPyramid | null;
}

/** Messages to the worker. `pull` asks for one part; a pull for a job that is over is ignored. */
export type WorkerRequest =
  { kind: 'job'; id: number; secret: Uint8Array } | { kind: 'pull'; id: number } | { kind: 'cancel'; id: number };

/** Messages from the worker. `byteLength` comes with the first part; `part` null: the carrier is complete. */
export type WorkerAnswer =
  | { kind: 'pyramid'; pyramid: SharedPyramid }
  | { kind: 'part'; id: number; part: Uint8Array | null; byteLength: number }
  | { kind: 'failed'; id: number | null; code: ErrorCode; message: string };

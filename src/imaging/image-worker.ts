/**
 * The entry of a worker thread, bundled into a string: one thread decodes the cover and ends, the others hide. These
 * make one part per `pull`, in the order of the pulls, so several jobs share a worker part by part and nothing is made
 * that was not requested.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ClusterError } from '../core/errors';
import { CarrierEncoder } from './carrier';
import { decodeCover } from './cover';
import { CoverPyramid } from './cover-pyramid';
import type { WorkerAnswer, WorkerRequest, WorkerStart } from './worker-messages';

const port = parentPort!;
const start = workerData as WorkerStart;
const jobs = new Map<number, CarrierEncoder>();
let pyramid: CoverPyramid | undefined;

const answer = (message: WorkerAnswer, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

function fail(id: number | null, error: unknown): void {
  if (id !== null) jobs.delete(id);
  const code = error instanceof ClusterError ? error.code : 'internal';
  answer({ kind: 'failed', id, code, message: error instanceof Error ? error.message : String(error) });
}

function pull(id: number): void {
  const encoder = jobs.get(id);
  if (encoder === undefined) return;
  const part = encoder.next();
  if (part === null) jobs.delete(id);
  answer(
    { kind: 'part', id, part, byteLength: encoder.byteLength! },
    part === null ? [] : [part.buffer as ArrayBuffer],
  );
}

function serve(request: WorkerRequest): void {
  try {
    if (request.kind === 'pull') pull(request.id);
    else if (request.kind === 'cancel') jobs.delete(request.id);
    else jobs.set(request.id, new CarrierEncoder(pyramid!, request.secret, start.compression));
  } catch (error) {
    fail(request.id, error);
  }
}

/** The decoding thread has no listener left at the end, and so it exits. */
async function begin(): Promise<void> {
  if (start.pyramid === null) {
    answer({ kind: 'pyramid', pyramid: CoverPyramid.of(await decodeCover(start.cover!), start.maxSecretBytes).shared });
    return;
  }
  pyramid = new CoverPyramid(start.pyramid);
  port.on('message', serve);
}

begin().catch((error: unknown) => fail(null, error));

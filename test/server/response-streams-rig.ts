import type { Message } from '../../src/core/protocol';
import type { BodyWriter, Connection } from '../../src/core/transport/network';
import type { ImagePool } from '../../src/imaging/pool';
import type { ExecutionOutcome } from '../../src/server/member/effects';
import { type ResponseLimits, ResponseStreams } from '../../src/server/response-streams';

export const PART_BYTES = 512 * 1024;

/** A client's connection that reads as much as the test allows. */
export class SlowReader {
  openTaskCount = 0;
  closed = false;
  isBodyAlone = true;
  remoteAddress = '192.0.2.1:5000';
  /** Body bytes written to it. */
  bytesWritten = 0;
  /** Called before each write. */
  onWrite: (missingBytes: number) => void = () => undefined;
  /** Body bytes written to it that it has not read. */
  unsentBytes = 0;
  readonly said: Message[] = [];
  private mayTakeParts = 0;
  private waiters: (() => void)[] = [];

  /** Allows it to read `parts` more parts. */
  take(parts: number): void {
    this.mayTakeParts += parts;
    this.wake();
  }

  send(message: Message): void {
    this.said.push(message);
  }

  sendBody(message: Message, bodyLength: number): BodyWriter {
    this.said.push(message);
    let missingBytes = bodyLength;
    return {
      write: (chunk) => {
        this.onWrite(missingBytes - chunk.length);
        missingBytes -= chunk.length;
        this.bytesWritten += chunk.length;
        this.unsentBytes += chunk.length;
        this.mayTakeParts -= 1;
        this.wake();
        return this.isReady;
      },
      drained: () => this.drained(),
      get missingBytes() {
        return missingBytes;
      },
    };
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.waiters.push(resolve);
      this.wake();
    });
  }

  destroy(): void {
    this.closed = true;
    this.wake();
  }

  /** The error codes of refused tasks. */
  get refusals(): (string | undefined)[] {
    return this.said.flatMap((each) => (each.kind === 'TaskResponse' && !each.success ? [each.error_code] : []));
  }

  private get isReady(): boolean {
    return this.closed || this.mayTakeParts >= 0;
  }

  private wake(): void {
    if (!this.isReady) return;
    this.unsentBytes = 0;
    for (const resolve of this.waiters.splice(0)) resolve();
  }
}

/** Makes carriers of eight bytes per byte of the secret, in parts; if `isStored`, their length is known beforehand. */
export function fakePool(options: { isStored?: boolean; fail?: Error } = {}): ImagePool {
  const { isStored = true, fail } = options;
  const lengthOf = (secret: Uint8Array): number => secret.length * 8;
  const parts = (byteLength: number) => {
    let leftBytes = byteLength;
    return (): Uint8Array | null => {
      const part = isStored ? Math.min(leftBytes, PART_BYTES) : leftBytes;
      leftBytes -= part;
      return part === 0 ? null : new Uint8Array(part);
    };
  };
  const pool = {
    workers: 2,
    plan: (bytes: number) => ({ byteLength: isStored ? bytes * 8 : null, maxByteLength: bytes * 8 }),
    encoder: (secret: Uint8Array) => ({ byteLength: lengthOf(secret), next: parts(lengthOf(secret)) }),
    hide: (secret: Uint8Array) => {
      const next = parts(lengthOf(secret));
      const part = (): Promise<Uint8Array | null> => (fail ? Promise.reject(fail) : Promise.resolve(next()));
      return {
        byteLength: fail ? rejected(fail) : Promise.resolve(lengthOf(secret)),
        next: part,
        cancel: () => undefined,
      };
    },
  };
  return pool as unknown as ImagePool;
}

/** Response streams on such connections; the time is jest's. */
export class ResponseStreamsRig {
  readonly outcomes: [number, ExecutionOutcome][] = [];
  /** Hosts whose connections were closed. */
  readonly cutOff: string[] = [];
  readonly responses: ResponseStreams;

  constructor(options: { pool?: ImagePool; limits?: Partial<ResponseLimits> } = {}) {
    const limits = { maxFrameBytes: 64e6, maxSecretBytes: 7e6, maxResponseBytes: 512e6, ...options.limits };
    this.responses = new ResponseStreams(
      ...([1, options.pool ?? fakePool(), limits] as const),
      (id, outcome) => this.outcomes.push([id, outcome]),
      () => performance.now(),
      (host) => this.cutOff.push(host),
    );
  }

  /** Starts an execution and lets it go as far as its reader allows. */
  async begin(id: number, reader: SlowReader, secretBytes: number, timeoutMs = Infinity, key = id): Promise<void> {
    this.responses.hold(id, `task ${key}`, reader as unknown as Connection, 'envelope', new Uint8Array(secretBytes));
    this.responses.execute(id, id, performance.now() + timeoutMs);
    await settled();
  }
}

/** Resolves after everything that can run without waiting has run. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) await Promise.resolve();
}

function rejected(error: Error): Promise<never> {
  return Promise.reject(error);
}

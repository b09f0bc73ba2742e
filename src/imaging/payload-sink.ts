/**
 * Takes a payload's bytes in order and compares them with the expected secret, or collects them. Bytes are passed as
 * values, or as runs of samples in the kernel's memory.
 */
import { crc32 } from 'node:zlib';
import { ClusterError } from '../core/errors';
import { AREA, AREA_BYTES, kernel } from './kernel';
import { CRC_BYTES, extractByte, LENGTH_BYTES } from './lsb.pure';
import { readUint32 } from './png';

/** The state of the CRC-32 after the secret. A carrier of the original has none, so its absence is not an error. */
export type CrcState = 'ok' | 'absent or wrong';

export class PayloadSink {
  /** Number of payload bytes seen. */
  private position = 0;
  private readonly length = new Uint8Array(LENGTH_BYTES);
  private readonly crc = new Uint8Array(CRC_BYTES);
  private secretBytes: number;
  private collected: Uint8Array | undefined;
  /** The position of the first byte in the kernel's payload area. */
  private stagedFrom = 0;

  /** `capacityBytes`: the payload bytes that the image can hold; `maxSecretBytes`: more is refused. */
  constructor(
    private readonly expected: Uint8Array | undefined,
    private readonly capacityBytes: number,
    private readonly maxSecretBytes: number,
  ) {
    this.secretBytes = expected?.length ?? Infinity;
  }

  /** Length and secret are complete, every byte of them correct. */
  get secretDone(): boolean {
    return this.position >= LENGTH_BYTES + this.secretBytes;
  }

  /** Nothing more to read: the CRC has been seen too, or the image has no room for one. */
  get done(): boolean {
    const end = LENGTH_BYTES + this.secretBytes + CRC_BYTES;
    return this.position >= Math.min(end, this.capacityBytes) && this.secretDone;
  }

  /** Describes where the payload broke off. */
  get progress(): string {
    const seen = Math.max(0, this.position - LENGTH_BYTES);
    return Number.isFinite(this.secretBytes) ? `${seen} of ${this.secretBytes} bytes` : 'its length';
  }

  /** Returns the secret, once `secretDone`: the expected bytes themselves, or the collected ones. */
  result(): { secret: Uint8Array; crc: CrcState } {
    const secret = this.expected ?? this.collected!.subarray(0, this.secretBytes);
    const whole = this.position >= LENGTH_BYTES + this.secretBytes + CRC_BYTES;
    return { secret, crc: whole && readUint32(this.crc, 0) === crc32(secret) ? 'ok' : 'absent or wrong' };
  }

  /** Copies into the kernel what the next runs, at most `bytes` payload bytes in total, will be compared with. */
  stage(bytes: number): void {
    if (this.expected === undefined) return;
    this.stagedFrom = this.position;
    const from = Math.max(0, this.position - LENGTH_BYTES);
    const piece = this.expected.subarray(from, from + Math.min(bytes, AREA_BYTES.payload - LENGTH_BYTES));
    kernel().bytes.set(piece, AREA.payload + LENGTH_BYTES + from - this.position);
  }

  /** Takes one payload byte by value. */
  take(byte: number): void {
    const at = this.position++;
    if (at < LENGTH_BYTES) {
      this.length[at] = byte;
      if (at === LENGTH_BYTES - 1) this.readLength();
    } else if (at < LENGTH_BYTES + this.secretBytes) {
      const index = at - LENGTH_BYTES;
      if (this.expected === undefined) this.room(index + 1)[index] = byte;
      else if (this.expected[index] !== byte) throw wrongByte(index, this.secretBytes);
    } else if (at < LENGTH_BYTES + this.secretBytes + CRC_BYTES) {
      this.crc[at - LENGTH_BYTES - this.secretBytes] = byte;
    }
  }

  /** Takes `count` payload bytes stored as 8 × count samples at `samples` in the kernel's memory. */
  takeRun(samples: number, count: number): void {
    const { bytes } = kernel();
    const end = samples + count * 8;
    while (samples < end && !this.done) {
      const left = LENGTH_BYTES + this.secretBytes - this.position;
      const pairs = Math.min((end - samples) >> 4, this.position < LENGTH_BYTES ? 0 : left >> 1);
      if (pairs > 0) {
        this.takePairs(samples, pairs);
        samples += pairs * 16;
      } else {
        this.take(extractByte(bytes, samples));
        samples += 8;
      }
    }
  }

  private takePairs(samples: number, pairs: number): void {
    const loops = kernel();
    const index = this.position - LENGTH_BYTES;
    const count = pairs * 2;
    if (this.expected !== undefined) {
      const staged = AREA.payload + this.position - this.stagedFrom;
      if (loops.differs(samples, staged, pairs) !== 0) this.findWrong(samples, index, count);
    } else {
      loops.extract(samples, AREA.payload, pairs);
      this.room(index + count).set(loops.bytes.subarray(AREA.payload, AREA.payload + count), index);
    }
    this.position += count;
  }

  private findWrong(samples: number, index: number, count: number): void {
    const { bytes } = kernel();
    for (let i = 0; i < count; i++) {
      if (extractByte(bytes, samples + i * 8) !== this.expected![index + i])
        throw wrongByte(index + i, this.secretBytes);
    }
    throw new ClusterError('internal', 'the kernel reports a wrong byte that does not exist');
  }

  private readLength(): void {
    const told = readUint32(this.length, 0);
    if (this.expected !== undefined) {
      if (told === this.secretBytes) return;
      throw new ClusterError(
        'verification_failed',
        `the carrier states ${told} bytes, the secret has ${this.secretBytes}`,
      );
    }
    if (told === 0 || LENGTH_BYTES + told > this.capacityBytes) {
      const room = Math.max(0, this.capacityBytes - LENGTH_BYTES);
      const why = told === 0 ? 'an empty one' : `${told} bytes, it can hold ${room}`;
      throw new ClusterError('bad_image', `no secret in this image (its first pixels would mean ${why})`);
    }
    if (told > this.maxSecretBytes) {
      throw new ClusterError(
        'secret_too_large',
        `the secret has ${told} bytes, at most ${this.maxSecretBytes} are supported`,
      );
    }
    this.secretBytes = told;
  }

  /** Grows with the data received, so that a claimed length alone costs nothing. */
  private room(bytes: number): Uint8Array {
    if (this.collected !== undefined && this.collected.length >= bytes) return this.collected;
    const grown = new Uint8Array(Math.min(this.secretBytes, Math.max(65_536, bytes * 2)));
    if (this.collected !== undefined) grown.set(this.collected);
    this.collected = grown;
    return grown;
  }
}

function wrongByte(index: number, total: number): ClusterError {
  return new ClusterError('verification_failed', `byte ${index} of ${total} is wrong`);
}

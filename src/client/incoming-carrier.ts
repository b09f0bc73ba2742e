/** A carrier that is arriving: verified chunk by chunk, and kept on demand. */
import { ClusterError } from '../core/errors';
import { ByteBlocks } from '../core/transport/wire/byte-blocks';
import { CarrierReader } from '../imaging/decoder';

export class IncomingCarrier {
  private readonly reader: CarrierReader;
  private readonly kept: ByteBlocks | null;

  constructor(secret: Uint8Array, isKept: boolean) {
    this.reader = new CarrierReader({ expected: secret });
    this.kept = isKept ? new ByteBlocks() : null;
  }

  /** Takes the next bytes. Returns why the carrier is wrong; undefined if it is right so far. */
  push(chunk: Uint8Array): string | undefined {
    this.kept?.append(chunk, Infinity);
    return this.verify(() => this.reader.push(chunk));
  }

  /** The last byte has arrived. Returns why the carrier is wrong; undefined if it is right. */
  finish(): string | undefined {
    return this.verify(() => this.reader.finish());
  }

  /** Returns the whole carrier; null if it is not kept. */
  take(): Uint8Array[] | null {
    return this.kept?.take() ?? null;
  }

  close(): void {
    this.reader.close();
  }

  private verify(step: () => void): string | undefined {
    try {
      step();
      return undefined;
    } catch (error) {
      if (!(error instanceof ClusterError) || error.code === 'internal') throw error;
      this.close();
      return error.message;
    }
  }
}

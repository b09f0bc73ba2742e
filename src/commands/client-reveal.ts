/** The command `client reveal`: extracts the hidden image from a carrier, without a server. */
import { Args, Flags } from '@oclif/core';
import { revealFile } from '../client/hide';
import { goesToStdout, outputPath } from '../files/target';
import { writeWhole } from '../files/write-whole';
import { ClusterError } from '../core/errors';
import { BaseCommand, withoutConfig } from './base';

interface RevealReport {
  out: string;
  secret_bytes: number;
  crc: string;
}

export class ClientReveal extends BaseCommand {
  static override summary = 'extract the hidden image from a carrier, offline';
  static override description =
    'Without --out the image goes to standard output, unless that is a terminal; --out - writes it there even so.';
  static override examples = [
    '<%= config.bin %> client reveal carrier.png --out image.png',
    '<%= config.bin %> client reveal carrier.png | sha256sum',
  ];
  static override args = { carrier: Args.string({ required: true, description: 'PNG made by "client hide"' }) };
  static override baseFlags = withoutConfig;
  static override flags = {
    out: Flags.string({
      helpValue: 'FILE',
      summary: 'file to write the image to (default: standard output); - for standard output',
    }),
  };

  async run(): Promise<RevealReport> {
    const { args, flags } = await this.parse(ClientReveal);
    const { out = '-' } = flags;
    if (flags.out === undefined && process.stdout.isTTY) {
      throw new ClusterError(
        'bad_usage',
        'standard output is a terminal, and an image is binary: expected --out FILE (or --out -)',
      );
    }
    const place = outputPath(out);
    const isData = goesToStdout(place);
    if (isData && this.jsonEnabled()) throw new ClusterError('bad_usage', '--json needs --out FILE');
    const { secret, crc } = revealFile(args.carrier, place);
    await writeWhole(place, secret);
    if (crc !== 'ok') this.logToStderr('note: the checksum is missing (the original writes none) or does not match');
    if (!isData) this.log(`${out}: ${secret.length} bytes`);
    return { out, secret_bytes: secret.length, crc };
  }
}

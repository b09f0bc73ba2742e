/** The command `client hide`: has the cluster hide one image, and writes the verified carrier. */
import path from 'node:path';
import { Args, Flags } from '@oclif/core';
import { goesToStdout, outputPath } from '../files/target';
import { type HideResult, hideImage } from '../client/hide';
import { flagsOf } from '../cli/setting-flags';
import { clientConfigOf, clientSettings } from '../config/client-config';
import { ClusterError } from '../core/errors';
import { serverText } from '../core/metrics/wrong-carriers';
import { systemClock } from '../core/system/system-clock';
import { BaseCommand } from './base';
import { loadTls } from '../cli/load-tls';
import { configFilesOf } from '../cli/config-files';

export class ClientHide extends BaseCommand {
  static override summary = 'have the cluster hide one image, and verify the carrier';
  static override description = 'The carrier is a PNG; "client reveal" extracts the image from it without servers.';
  static override examples = [
    '<%= config.bin %> client hide test_images/small.png --out carrier.png',
    '<%= config.bin %> client hide photo.jpg --server 127.0.0.1:8001 --server 127.0.0.1:8002',
  ];
  static override args = {
    image: Args.string({ required: true, description: 'image (or any other file) to hide' }),
  };
  static override flags = {
    out: Flags.string({
      helpValue: 'FILE',
      summary: 'file to write the carrier to (default: {image}.carrier.png in this folder); - for standard output',
    }),
    ...flagsOf({ server: clientSettings.server_addresses }),
  };

  async run(): Promise<HideResult> {
    const { args, flags } = await this.parse(ClientHide);
    const config = clientConfigOf({ config: flags.config, server: flags.server });
    const { name: clientName, serverAddresses: addresses, requestTimeoutMs, tls } = config;
    const { out: named = `${path.parse(args.image).name}.carrier.png` } = flags;
    const out = outputPath(named);
    const isData = goesToStdout(out);
    if (isData && this.jsonEnabled()) throw new ClusterError('bad_usage', '--json needs --out FILE');
    const how = { addresses, clientName, requestTimeoutMs, random: Math.random, clock: systemClock };
    const secure = await loadTls(tls);
    const result = await hideImage({
      image: args.image,
      out,
      inputs: configFilesOf(flags.config, config),
      ...how,
      secure,
    });
    const server = result.server_id === null ? 'a server' : `server ${result.server_id}`;
    const text = `${named}: ${result.carrier_bytes} bytes from ${server} in ${result.latency_ms.toFixed(1)} ms, verified`;
    if (isData) this.logToStderr(text);
    else this.log(text);
    for (const id of result.wrong_carriers) {
      this.logToStderr(`Warning: ${serverText(id)} returned a wrong carrier; another one did the task`);
    }
    return result;
  }
}

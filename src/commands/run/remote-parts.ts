/** Collects the parts of a run over SSH beside its configuration: the executable to copy, images and certificates. */
import { isSea } from 'node:sea';
import packageJson from '../../../package.json';
import type { ClientImage } from '../../client/client';
import type { Lab } from '../../config/lab-config';
import type { RunConfig } from '../../config/run-config';
import { parseAddress } from '../../core/transport/address';
import { type Executable, readExecutable } from '../../run/remote/executable';
import { badConfig, type Problem } from '../../config/problem';
import { MAX_PATH_CHARS } from '../../config/show';
import { readTls } from '../../config/tls';
import { printable } from '../../core/printable';
import { systemClock } from '../../core/system/system-clock';
import type { RemoteTls } from '../../run/remote/places';
import { selfExecCommand } from '../../cli/self-exec';

export interface RemoteParts {
  lab: Lab;
  executable: Executable;
  program: { version: string; command: readonly string[] };
  /** Undefined if no folder is configured: each client machine uses its own or the built-in images. */
  images?: readonly ClientImage[];
  /** The TLS files of the machines; undefined without TLS. */
  tls?: RemoteTls;
}

/** @throws ClusterError `bad_usage` | `bad_config` if there is no executable to copy or a certificate is wrong */
export async function remotePartsOf(config: RunConfig, lab: Lab, images: readonly ClientImage[]): Promise<RemoteParts> {
  return {
    lab,
    executable: readExecutable(config.binary, process.execPath, isSea()),
    program: { version: packageJson.version, command: selfExecCommand() },
    images: config.imageDirectory === undefined ? undefined : images,
    tls: await tlsOf(lab),
  };
}

async function tlsOf({ tls, servers }: Lab): Promise<RemoteTls | undefined> {
  if (tls === undefined) return undefined;
  const nowMs = systemClock.unixMs();
  const own = new Map(servers.map((server) => [server.id, readTls(server.tls!, 'server', nowMs)]));
  // Loaded only if TLS is used.
  const { nameProblem } = await import('../../core/transport/tls');
  const problems = servers.flatMap(({ id, address, tls: files }): Problem[] => {
    const { host } = parseAddress(address)!;
    // Clients and peers check the same on connecting: without this, the run would wait for servers that all reject.
    const problem = nameProblem(own.get(id)!.cert, id, host);
    const { path, place } = files!.cert;
    return problem === undefined ? [] : [{ key: place, text: `${printable(path, MAX_PATH_CHARS)}: ${problem}` }];
  });
  if (problems.length > 0) throw badConfig(problems);
  return { client: readTls(tls, 'client', nowMs), servers: own };
}

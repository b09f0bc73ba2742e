import { isSea } from 'node:sea';
import packageJson from '../../../package.json';
import type { ClientImage } from '../../client/client';
import type { Lab } from '../../config/lab-config';
import type { RunConfig } from '../../config/run-config';
import { type Executable, readExecutable } from '../../run/lab/executable';
import { readTls } from '../../config/tls';
import { systemClock } from '../../core/system-clock';
import type { LabTls } from '../../run/lab/files';
import { ownCommand } from './own-command';

/** What a run over SSH takes along, beside its configuration. */
export interface LabParts {
  lab: Lab;
  executable: Executable;
  program: { version: string; command: readonly string[] };
  /** Undefined: nobody named a folder, and each client machine has its own or the built-in ones. */
  images?: readonly ClientImage[];
  /** What the machines speak TLS with; undefined: they do not. */
  tls?: LabTls;
}

/** @throws ClusterError `bad_usage` | `bad_config` where there is no executable to copy, or a certificate is wrong */
export function labPartsOf(config: RunConfig, lab: Lab, images: readonly ClientImage[]): LabParts {
  return {
    lab,
    executable: readExecutable(config.binary, process.execPath, isSea()),
    program: { version: packageJson.version, command: ownCommand() },
    images: config.imageDirectory === undefined ? undefined : images,
    tls: tlsOf(lab),
  };
}

function tlsOf({ tls, servers }: Lab): LabTls | undefined {
  if (tls === undefined) return undefined;
  const nowMs = systemClock.unixMs();
  return {
    client: readTls(tls, 'client', nowMs),
    servers: new Map(servers.map((server) => [server.id, readTls(server.tls!, 'server', nowMs)])),
  };
}

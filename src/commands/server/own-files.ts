/** The files that a server reads and writes: no two of them may be one. */
import type { ServerConfig } from '../../config/server-config';
import { ClusterError } from '../../core/errors';
import { oneLine } from '../../core/printable';
import { isSameFile, type NamedFile } from '../../files/target';

type Files = Pick<ServerConfig, 'pidFile' | 'eventsFile' | 'logFile' | 'coverImage' | 'tls'>;

/** @throws ClusterError `bad_config` naming two settings and the file, where one would be written over the other */
export function refuseSharedFiles(config: Files, configPath: string | null): void {
  const written = named({ pid_file: config.pidFile, events_file: config.eventsFile, log_file: config.logFile });
  const read = [...named({ cover_image: config.coverImage }), ...tlsOf(config)];
  if (configPath !== null) read.push({ name: 'this configuration', path: configPath });
  for (const [index, file] of written.entries()) {
    const twin = [...written.slice(index + 1), ...read].find(({ path }) => isSameFile(path, file.path));
    if (twin === undefined) continue;
    const place = configPath === null ? '' : `${oneLine(configPath)}: `;
    const text = `expected a file of its own, got ${oneLine(file.path)}, which is ${twin.name} too`;
    throw new ClusterError('bad_config', `${place}${file.name}: ${text}`);
  }
}

function named(files: Record<string, string | undefined>): NamedFile[] {
  return Object.entries(files).flatMap(([key, path]) => (path === undefined ? [] : [{ name: `server.${key}`, path }]));
}

function tlsOf({ tls }: Files): NamedFile[] {
  return tls === undefined ? [] : Object.entries(tls).map(([key, { path }]) => ({ name: `tls.${key}`, path }));
}

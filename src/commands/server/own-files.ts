/** Refuses a server configuration that names one file for two purposes, as one would be written over the other. */
import type { ServerConfig } from '../../config/server-config';
import { ClusterError } from '../../core/errors';
import { oneLine } from '../../core/printable';
import { findShared, namedFiles, namedTlsFiles } from '../../files/named-files';

type Files = Pick<ServerConfig, 'pidFile' | 'eventsFile' | 'logFile' | 'coverImage' | 'tls'>;

/** @throws ClusterError `bad_config` naming the two settings and the file */
export function refuseSharedFiles(config: Files, configPath: string | null): void {
  const written = namedFiles({
    'server.pid_file': config.pidFile,
    'server.events_file': config.eventsFile,
    'server.log_file': config.logFile,
  });
  const read = namedFiles({ 'server.cover_image': config.coverImage, 'this configuration': configPath });
  const shared = findShared(written, [...read, ...namedTlsFiles(config.tls)]);
  if (shared === undefined) return;
  const { file, twin } = shared;
  const place = configPath === null ? '' : `${oneLine(configPath)}: `;
  const text = `expected a file of its own, got ${oneLine(file.path)}, which is ${twin.name} too`;
  throw new ClusterError('bad_config', `${place}${file.name}: ${text}`);
}

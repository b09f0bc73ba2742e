/** Refuses to write the log, events or probe file of `faults` over a file that it or one of its servers uses. */
import path from 'node:path';
import type { FaultsConfig, FaultServer } from '../../config/faults-config';
import { ClusterError } from '../../core/errors';
import { oneLine } from '../../core/printable';
import { lockFileOf } from '../../faults/agent/lock';
import { logFileOf } from '../../faults/drivers/server-log';
import type { NamedFile } from '../../files/target';
import { findShared, namedFiles, namedTlsFiles } from '../../files/named-files';

type Files = Pick<FaultsConfig, 'logFile' | 'eventsFile' | 'probeFile' | 'abortWhen' | 'logSource' | 'servers' | 'tls'>;

/** @throws ClusterError `bad_config` naming the file and its other use, before anything is written */
export function refuseSharedFiles(config: Files, configPath: string): void {
  const { servers, logSource, tls } = config;
  const read = [{ name: 'this configuration', path: configPath }, ...namedTlsFiles(tls)];
  const shared = findShared(writtenBy(config), [...read, ...servers.flatMap(filesOf)]);
  if (shared === undefined) return;
  const { file, twin } = shared;
  const what = file.path === config.logFile ? '' : `${file.name} beside it, `;
  const text = `expected files of its own, got ${what}${oneLine(file.path)}, which is ${twin.name} too`;
  throw new ClusterError('bad_config', `${logSource}: ${text}`);
}

/** The probe writes only if there are abort conditions. */
function writtenBy({ logFile, eventsFile, probeFile, abortWhen }: Files): NamedFile[] {
  return namedFiles({
    'the log': logFile,
    'the events file': eventsFile,
    'the file of the probe': abortWhen.length === 0 ? null : probeFile,
  });
}

/**
 * Returns the files that a server of this machine reads or writes, and those written for it; its paths are relative to
 * its work_dir.
 */
function filesOf(server: FaultServer): NamedFile[] {
  const { id, workDir, config, binary, command, own } = server;
  if (own === undefined) return [];
  const { pidFile, eventsFile, logFile, coverImage, tls } = own;
  const files = [
    ...namedFiles({
      'the configuration': config,
      'server.pid_file': pidFile,
      'server.events_file': eventsFile,
      'server.log_file': logFile,
      'server.cover_image': coverImage,
      'the lock': lockFileOf(pidFile),
      'the program': command.length === 1 ? binary : undefined,
    }),
    ...namedTlsFiles(tls),
    { name: 'the output', path: path.basename(logFileOf(server)) },
  ];
  return files.map((file) => ({ name: `${file.name} of server ${id}`, path: path.resolve(workDir, file.path) }));
}

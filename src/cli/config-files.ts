/** The files that a client must not overwrite: its configuration, and the files named in it. */
import type { ClientConfig } from '../config/client-config';
import type { NamedFile } from '../files/target';
import { namedTlsFiles } from '../files/named-files';
import { clientFile } from '../config/client-config';

/** `file` is the configuration that was named; undefined for the default one. */
export function configFilesOf(file: string | undefined, { tls }: Pick<ClientConfig, 'tls'>): NamedFile[] {
  return [{ path: file ?? clientFile.path, name: 'the configuration' }, ...namedTlsFiles(tls)];
}

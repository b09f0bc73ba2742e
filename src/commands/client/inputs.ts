import type { ClientConfig } from '../../config/client-config';
import type { NamedFile } from '../../files/target';
import { namedTlsFiles } from '../../files/named-files';
import { DEFAULT_CLIENT_FILE } from './overrides';

/** Returns the files that a client must not overwrite: its configuration, and the files that this names. */
export function configFilesOf(file: string | undefined, { tls }: Pick<ClientConfig, 'tls'>): NamedFile[] {
  return [{ path: file ?? DEFAULT_CLIENT_FILE, name: 'the configuration' }, ...namedTlsFiles(tls)];
}

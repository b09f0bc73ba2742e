/** Loads the TLS files of a command's configuration. */
import { readTls, type TlsFiles, type TlsRole } from '../config/tls';
import { systemClock } from '../core/system/system-clock';
import type { Secure } from '../core/transport/tls';

/**
 * Reads the files of a configuration's [tls]; undefined without TLS. The TLS module is loaded only if used.
 * @throws ClusterError `bad_config` naming the configuration's key and the file
 */
export async function loadTls(tls: TlsFiles | undefined, role: TlsRole = 'client'): Promise<Secure | undefined> {
  if (tls === undefined) return undefined;
  const pem = readTls(tls, role, systemClock.unixMs());
  const { Secure } = await import('../core/transport/tls');
  return new Secure(pem);
}

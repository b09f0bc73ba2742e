import { readTls, type TlsFiles, type TlsRole } from '../../config/tls';
import { systemClock } from '../../core/system-clock';
import type { Secure } from '../../core/transport/tls';

/**
 * What a configuration's [tls] comes to; undefined: in the clear. TLS is loaded only where it is wanted.
 * @throws ClusterError `bad_config` naming the configuration's key and the file
 */
export async function secureOf(tls: TlsFiles | undefined, role: TlsRole = 'client'): Promise<Secure | undefined> {
  if (tls === undefined) return undefined;
  const pem = readTls(tls, role, systemClock.unixMs());
  const { Secure } = await import('../../core/transport/tls');
  return new Secure(pem);
}

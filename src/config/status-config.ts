/** The configuration of `status`: the servers to ask and its TLS files, from flags or the configuration of clients. */
import { ClusterError } from '../core/errors';
import { type ClientConfig, clientConfigOf, clientSettings } from './client-config';
import { flagValues } from './merge';
import { type FlagsOf, setting } from './settings';
import { type TlsFiles, tlsSettings } from './tls';
import { whole } from './value-types';

/** The flags of `cloudp2p status`; all else is in the configuration of clients. */
export const statusSettings = {
  server_addresses: { ...clientSettings.server_addresses, greedy: true, help: 'address of a server to ask' },
  ca: { ...tlsSettings.ca, flag: 'ca', note: 'with --cert and --key it replaces [tls]' },
  cert: { ...tlsSettings.cert, flag: 'cert' },
  key: { ...tlsSettings.key, flag: 'key' },
  wait_secs: setting(whole(0, 86_400, 'seconds'), {
    flag: 'wait',
    help: 'wait until all servers are ready and agree on a leader, at most SECS',
  }),
} as const;

/** The flags of `cloudp2p status`, as typed. */
export type StatusFlags = FlagsOf<typeof statusSettings> & { config?: string };

export interface StatusConfig extends Pick<ClientConfig, 'serverAddresses' | 'tls'> {
  /** Undefined to ask once. */
  waitMs?: number;
}

/**
 * Reads the servers to ask, and how.
 * @throws ClusterError `bad_config` | `bad_usage`
 */
export function statusConfigOf(flags: StatusFlags): StatusConfig {
  const { config, server } = flags;
  const { serverAddresses, tls } = clientConfigOf({ config, server });
  const { ca, cert, key, wait_secs: waitSecs } = flagValues(statusSettings, flags);
  const waitMs = waitSecs === undefined ? undefined : waitSecs * 1000;
  return { serverAddresses, tls: typedTls({ ca, cert, key }) ?? tls, waitMs };
}

function typedTls({ ca, cert, key }: Partial<Record<'ca' | 'cert' | 'key', string>>): TlsFiles | undefined {
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  if (ca === undefined || cert === undefined || key === undefined) {
    throw new ClusterError('bad_usage', '--ca, --cert and --key: expected all three or none');
  }
  const at = (path: string, place: string) => ({ path, place });
  return { ca: at(ca, '--ca'), cert: at(cert, '--cert'), key: at(key, '--key') };
}

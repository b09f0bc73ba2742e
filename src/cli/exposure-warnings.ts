/** Warns of addresses on which strangers reach a server, or the metrics of a server or of `stress`. */
import { isDialAddress, isLoopbackAddress, parseAddress } from '../core/transport/address';
import { WITHOUT_TLS } from '../core/transport/wire/tls-problem';
import type { ServerConfig } from '../config/server-config';
import type { Secure } from '../core/transport/tls';

type Addresses = Pick<ServerConfig, 'address' | 'advertiseAddress' | 'metricsAddress'>;

/** Returns warnings that do not prevent a start, one line each. `secure` is undefined without TLS. */
export function exposureWarnings(config: Addresses & { id: number }, secure: Secure | undefined): string[] {
  const { id, address, advertiseAddress, metricsAddress } = config;
  const warnings: string[] = [];
  if (secure === undefined && !isLoopbackAddress(address)) warnings.push(`listens on ${address} ${WITHOUT_TLS}`);
  const hosts = [advertiseAddress, address].filter(isDialAddress).map((each) => parseAddress(each)!.host);
  const problem = secure?.nameProblem(id, hosts);
  if (problem !== undefined) warnings.push(`the certificate of [tls] cert ${problem}`);
  return [...warnings, ...metricsWarnings(metricsAddress)];
}

/** Returns the same for the metrics address of a server or of `stress`. */
export function metricsWarnings(metricsAddress: string | undefined): string[] {
  if (metricsAddress === undefined || isLoopbackAddress(metricsAddress)) return [];
  return [`serves its metrics on ${metricsAddress} over plain HTTP: anyone who can connect can read them`];
}

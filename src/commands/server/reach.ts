/** What is well to know of the addresses where a server is reached, before somebody reaches it. */
import { isDialAddress, isLoopbackAddress, parseAddress } from '../../config/address';
import type { ServerConfig } from '../../config/server-config';
import type { Secure } from '../../core/transport/tls';

type Addresses = Pick<ServerConfig, 'address' | 'advertiseAddress' | 'metricsAddress'>;

/** What does not keep a server from starting, a line each. Undefined `secure`: in the clear. */
export function reachWarnings(config: Addresses & { id: number }, secure: Secure | undefined): string[] {
  const { id, address, advertiseAddress, metricsAddress } = config;
  const warnings: string[] = [];
  if (secure === undefined && !isLoopbackAddress(address)) warnings.push(inTheClear(address));
  const hosts = [advertiseAddress, address].filter(isDialAddress).map((each) => parseAddress(each)!.host);
  const problem = secure?.nameProblem(id, hosts);
  if (problem !== undefined) warnings.push(`the certificate of [tls] cert ${problem}`);
  return [...warnings, ...metricsWarnings(metricsAddress)];
}

/** The same of where Prometheus asks a server or `stress`. */
export function metricsWarnings(metricsAddress: string | undefined): string[] {
  if (metricsAddress === undefined || isLoopbackAddress(metricsAddress)) return [];
  return [`shows its metrics on ${metricsAddress} over plain HTTP: whoever reaches it may read them`];
}

function inTheClear(address: string): string {
  return `listens on ${address} without TLS: whoever reaches it may read all, send tasks and pose as a server ([tls])`;
}

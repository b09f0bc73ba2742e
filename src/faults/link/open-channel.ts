/** Reaches the fault agent of a host: as a child on this machine, or over SSH. */
import type { FaultServer } from '../../config/faults-config';
import { type Channel, localChannel } from './channel';
import { hostNameOf, sshChannel } from './ssh-channel';

const THIS_MACHINE = 'localhost';

/**
 * Starts the agent of these servers, which are on one host: this program on this machine, theirs on another one.
 * @param command the command of this program
 * @param signal cancels the attempt to reach the host
 * @throws ClusterError if it cannot be reached
 */
export async function openChannel(
  host: string,
  servers: readonly FaultServer[],
  signal: AbortSignal,
  command: readonly string[],
): Promise<Channel> {
  return host === THIS_MACHINE ? localChannel(command) : sshChannel(host, servers, signal);
}

/** Returns the name or address of a host. */
export function nameOf(host: string): string {
  return host === THIS_MACHINE ? '127.0.0.1' : hostNameOf(host);
}

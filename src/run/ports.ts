/** Finds free ports on loopback for the servers of a run. */
import { createServer } from 'node:net';
import { ClusterError } from '../core/errors';

export const HOST = '127.0.0.1';
/**
 * The first ports to try, in order: below the ephemeral ports of kernels, which clients could take in the meantime, and
 * above those of the shipped configuration, whose servers would join.
 */
const FIRST_PORTS = Array.from({ length: 100 }, (_, index) => 8101 + 100 * index);

/**
 * Returns `count` free ports in a row on loopback.
 * @param firstPort undefined for the first free range
 * @throws ClusterError `address_in_use` naming the address
 */
export async function portsFor(count: number, firstPort?: number): Promise<number[]> {
  for (const first of firstPort === undefined ? FIRST_PORTS : [firstPort]) {
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const taken = await firstTaken(ports);
    if (taken === undefined) return ports;
    if (firstPort === undefined) continue;
    throw new ClusterError('address_in_use', `--port: ${HOST}:${taken} is in use; without --port, free ports are used`);
  }
  throw new ClusterError('address_in_use', `no ${count} free ports in a row from ${FIRST_PORTS[0]} on`);
}

async function firstTaken(ports: readonly number[]): Promise<number | undefined> {
  for (const port of ports) if (!(await isFree(port))) return port;
  return undefined;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}

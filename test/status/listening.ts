import { createServer, type AddressInfo } from 'node:net';
import { listen, type Connection } from '../../src/core/transport/network';
import type { StatusFields } from '../../src/core/protocol';
import { status } from './servers';

const cleanups: (() => unknown)[] = [];

/** Closes everything after a test. */
export async function closeAll(): Promise<void> {
  for (const close of cleanups.splice(0)) await close();
}

/** Starts a server that only answers StatusQuery, with `fields()`; returns its address. */
export async function statusServer(id: number, fields: () => Partial<StatusFields> = () => ({})): Promise<string> {
  return listener((connection) =>
    connection.send({ kind: 'StatusResponse', ...status(id, { address: connection.localAddress, ...fields() }) }),
  );
}

/** Starts a listener that calls `onQuery` for every message; returns its address. */
export async function listener(onQuery: (connection: Connection) => void): Promise<string> {
  const nothing = (): void => undefined;
  const made = await listen({
    host: '127.0.0.1',
    port: 0,
    onConnection: (connection) => ({
      onMessage: () => onQuery(connection),
      onBody: nothing,
      onEnd: nothing,
      onClose: nothing,
    }),
  });
  cleanups.push(() => made.close());
  return `127.0.0.1:${made.port}`;
}

/** An address on which nothing listens. */
export async function deadAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

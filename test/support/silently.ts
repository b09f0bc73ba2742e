import { createServer } from 'node:net';

/** An address that accepts connections and never answers; `asked` resolves on the first one. */
export async function silently(body: (address: string, asked: Promise<unknown>) => Promise<void>): Promise<void> {
  const server = createServer((socket) => void socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const asked = new Promise((resolve) => server.once('connection', resolve));
  try {
    await body(`127.0.0.1:${(server.address() as { port: number }).port}`, asked);
  } finally {
    server.close();
  }
}

import { createServer, type Server } from 'node:net';
import { HOST, portsFor } from '../../src/run/ports';

const held: Server[] = [];

/** Listens on the port until the test ends; resolves to false if another program does. */
function hold(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, HOST, () => resolve(true));
    held.push(server);
  });
}

afterEach(async () => {
  await Promise.all(held.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

test('returns consecutive free ports', async () => {
  const ports = await portsFor(3);
  expect(ports).toEqual([ports[0], ports[0]! + 1, ports[0]! + 2]);
  expect((ports[0]! - 8001) % 100).toBe(0);
  for (const port of ports) expect(await hold(port)).toBe(true);
});

test('skips the whole block if one of its ports is taken', async () => {
  const [first] = await portsFor(3);
  await hold(first! + 2);
  const ports = await portsFor(3);
  expect(ports[0]).toBeGreaterThan(first!);
  expect((ports[0]! - 8001) % 100).toBe(0);
  // There is still room for fewer servers.
  expect(await portsFor(2)).toEqual([first, first! + 1]);
});

test('returns the requested ports', async () => {
  const [first] = await portsFor(5);
  expect(await portsFor(2, first! + 3)).toEqual([first! + 3, first! + 4]);
});

test('a requested port that is taken: an error that names it', async () => {
  const [first] = await portsFor(3);
  await hold(first! + 1);
  await expect(portsFor(3, first)).rejects.toMatchObject({
    code: 'address_in_use',
    message: `--port: 127.0.0.1:${first! + 1} is in use; without --port, free ports are used`,
  });
});

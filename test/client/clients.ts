import { VirtualClient, type VirtualClientOptions } from '../../src/client/client';
import { Hedging } from '../../src/client/attempt/hedging';
import { seededRandom } from '../../src/core/random';
import { systemClock } from '../../src/core/system/system-clock';
import { ScriptedServer, type Script } from './scripted-server';

const clients: VirtualClient[] = [];
const servers: ScriptedServer[] = [];

/** Closes everything after a test, and checks that nothing leaked. */
export async function closeAll(): Promise<void> {
  for (const client of clients.splice(0)) {
    const closed = client.close();
    await Promise.all(servers.map((server) => server.close()));
    await closed;
    expect(client.connectionCount).toBe(0);
    expect(client.inFlightCount).toBe(0);
  }
  for (const server of servers.splice(0)) await server.close();
}

/** Starts servers 1, 2, … with these scripts. */
export async function startServers(...scripts: Partial<Script>[]): Promise<ScriptedServer[]> {
  const started = await Promise.all(scripts.map((script, index) => ScriptedServer.start(index + 1, script)));
  servers.push(...started);
  return started;
}

/** Makes a client of these servers. */
export function clientOf(
  of: readonly (ScriptedServer | string)[],
  change: Partial<VirtualClientOptions> = {},
): VirtualClient {
  const client = new VirtualClient({
    clientId: 42,
    clientName: 'Machine_1_Client_42',
    runId: 'run',
    addresses: of.map((server) => (typeof server === 'string' ? server : server.address)),
    requestTimeoutMs: 5000,
    hedging: new Hedging(10),
    random: seededRandom(1),
    clock: systemClock,
    ...change,
  });
  clients.push(client);
  return client;
}

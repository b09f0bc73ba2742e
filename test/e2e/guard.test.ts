import { connect } from 'node:net';
import { inCluster } from '../support/in-cluster';
import { RawConnection } from '../support/raw';

const WAVES = 60;
const TOGETHER = 100;
/** 51 bytes as a TLS client sends them. */
const HELLO = Buffer.concat([Buffer.from('16030100f4010000f00303', 'hex'), Buffer.alloc(40)]);

/** Connects, sends and resets at once: most sockets are accepted when they have data but no remote address any more. */
function reset(address: string, bytes: Buffer): Promise<void> {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host: host!, port: Number(port), noDelay: true });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.on('connect', () => {
      socket.write(bytes);
      socket.resetAndDestroy();
    });
  });
}

test('a server without TLS survives thousands of clients that send a TLS hello and reset', async () => {
  await inCluster({ servers: 1 }, async (cluster) => {
    const address = cluster.address(1);
    for (let wave = 0; wave < WAVES; wave++) {
      await Promise.all(Array.from({ length: TOGETHER }, () => reset(address, HELLO)));
    }
    expect(cluster.processes.get(1)).toMatchObject({ exitCode: null, signalCode: null });
    const connection = await RawConnection.open(address);
    expect(await connection.ask('LeaderQuery')).toHaveProperty('LeaderResponse.leader_id', 1);
    connection.destroy();
    expect(cluster.output.get(1)).not.toMatch(/unexpected|is not an address/);
  });
}, 60_000);

import { inCluster } from '../support/in-cluster';
import { MB, rssBytes } from '../support/memory';
import { envelopeHead, RawConnection, taskRequest } from '../support/raw';

const CONNECTIONS = 100;
const BODY_BYTES = 4000;

test('a body in one-byte segments takes the memory of its bytes, not of its segments', async () => {
  await inCluster({ servers: 1 }, async (cluster) => {
    const pid = cluster.processes.get(1)!.pid!;
    const connections = await RawConnection.openMany(cluster.address(1), CONNECTIONS);
    connections.forEach((each, index) => each.send(envelopeHead(taskRequest('Drip', index), BODY_BYTES + 1)));
    const before = rssBytes(pid);
    const byte = Buffer.from([7]);
    for (let sent = 0; sent < BODY_BYTES; sent++) {
      // One byte at a time on each, so that the server reads them one at a time.
      for (const { socket } of connections) socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Once each of them is answered, everything sent has been read: the last byte completes the task.
    for (const connection of connections) connection.send(byte);
    const answers = await Promise.all(connections.map((connection) => connection.next(20_000)));
    const grownBytes = rssBytes(pid) - before;
    for (const each of connections) each.destroy();
    const perByte = grownBytes / (CONNECTIONS * BODY_BYTES);
    console.log(
      `${CONNECTIONS * BODY_BYTES} segments: +${(grownBytes / MB).toFixed(0)} MB, ${perByte.toFixed(0)} a byte`,
    );
    expect(answers.filter(({ body }) => body.length === 0)).toEqual([]);
    expect(perByte).toBeLessThan(75);
  });
}, 60_000);

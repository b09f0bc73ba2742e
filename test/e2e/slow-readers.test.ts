import { readFileSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../../src/core/system/system-clock';
import type { Cluster } from '../support/cluster';
import { inCluster } from '../support/in-cluster';
import { startLoad, type Load } from '../support/client-load';
import { MB } from '../support/memory';
import { envelopeHead, RawConnection, taskRequest } from '../support/raw';

const SMALL = { name: 'small.png', bytes: readFileSync(path.join(__dirname, '../../test_images/small.png')) };
const MAX_RESPONSE_BYTES = 512 * MB;
const READERS = 74;
/** Sized so that `READERS` answers take up all the memory allowed: each holds its secret and 2 MiB. */
const SECRET = Buffer.alloc(Math.floor(MAX_RESPONSE_BYTES / READERS) - 2 * MB, 7);
const HOUR_MS = 3_600_000;
const CLIENTS = 4;
const HONEST_BYTES_PER_SECOND = 64 * 1024;

async function ask(connection: RawConnection, requestId: number): Promise<void> {
  const { TaskRequest: task } = taskRequest('Slow', requestId);
  connection.send(envelopeHead({ TaskRequest: { ...task, timeout_ms: HOUR_MS } }, SECRET.length));
  await connection.stream(SECRET, SECRET.length);
}

/** Reads at 64 KiB/s until `letGo`; then as fast as the socket allows. */
function readSlowly({ socket }: RawConnection): { takenBytes: number; letGo(): void } {
  let allowedBytes = 0;
  const count = ({ length }: Buffer): void => {
    reader.takenBytes += length;
    allowedBytes -= length;
    if (allowedBytes <= 0) socket.pause();
  };
  const timer = setInterval(() => {
    allowedBytes += HONEST_BYTES_PER_SECOND / 10;
    if (allowedBytes > 0) socket.resume();
  }, 100);
  const letGo = (): void => {
    clearInterval(timer);
    socket.off('data', count);
    socket.resume();
  };
  const reader = { takenBytes: 0, letGo };
  socket.on('data', count).pause();
  return reader;
}

function startClients(cluster: Cluster): Load {
  return startLoad({ addresses: cluster.addresses, clients: CLIENTS, image: SMALL, thinkMs: 10 });
}

test('74 clients that do not read for an hour: others are served, and so is an honest slow reader', async () => {
  await inCluster({ servers: 1, extraToml: '[processing]\nworkers = 2\n' }, async (cluster) => {
    const opened: RawConnection[] = [];
    let load: Load | undefined;
    let slow: ReturnType<typeof readSlowly> | undefined;
    try {
      const [honest, ...attackers] = await RawConnection.openMany(cluster.address(1), READERS + 1);
      opened.push(honest!, ...attackers);
      slow = readSlowly(honest!);
      await ask(honest!, 1);
      await cluster.until('the honest reader reads on', () => slow!.takenBytes > 1.5 * MB, 60_000);
      for (const [index, attacker] of attackers.entries()) await ask(attacker.stopReading(), index + 2);
      // Each holds a worker for 250 ms. After that it holds only memory.
      const executed = (): number => cluster.events(1).filter(({ event }) => event === 'executed').length;
      await cluster.until('every reader is waited for', () => executed() >= READERS, 30_000);

      const sinceMs = systemClock.unixMs();
      load = startClients(cluster);
      const served = (): number => load!.records.filter(({ success }) => success).length;
      await cluster.until('clients are served', () => served() >= 20 * CLIENTS, 60_000);
      const waitedMs = systemClock.unixMs() - sinceMs;
      await load.stop();
      const worstMs = Math.max(...load.records.map(({ latency_ms }) => latency_ms));
      console.log(
        `${load.records.length} requests in ${waitedMs} ms, slowest ${worstMs.toFixed(0)} ms, ` +
          `${load.records.filter(({ success }) => !success).length} failed, ` +
          `the honest reader took ${slow.takenBytes} bytes meanwhile`,
      );
      expect(load.records.filter(({ success }) => !success)).toEqual([]);
      // Readers are dropped when they have read nothing for 3 s; the rest is retries, and this machine's noise.
      expect(worstMs).toBeLessThan(6000);
      expect(cluster.output.get(1)).toMatch(
        /Responses to 127\.0\.0\.1 are read too slowly, closing connections: other/,
      );
      expect(honest!.isClosed).toBe(false);
      slow.letGo();
      const { body } = await honest!.next(20_000);
      expect(body.length).toBeGreaterThan(8 * SECRET.length);
    } finally {
      slow?.letGo();
      await load?.stop();
      for (const connection of opened) connection.destroy();
    }
  });
}, 240_000);

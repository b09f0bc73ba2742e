import { statSync } from 'node:fs';
import path from 'node:path';
import type { ServerEvent } from '../../src/core/metrics/record';
import { inCluster } from '../support/in-cluster';
import { plain, RawConnection } from '../support/raw';

const MIB = 1024 * 1024;
const ATTACK_MS = 3000;
const BATCH = 200;

/** Requests an assignment for one task after the other, as fast as they are answered; returns how many. */
async function ask(address: string, name: string, untilMs: number): Promise<number> {
  const connection = await RawConnection.open(address);
  let count = 0;
  while (performance.now() < untilMs) {
    const batch = Array.from({ length: BATCH }, (_, index) =>
      plain({ TaskAssignmentRequest: { run_id: 'flood', client_name: name, request_id: count + index } }),
    );
    connection.send(Buffer.concat(batch));
    for (let index = 0; index < BATCH; index++) await connection.next();
    count += BATCH;
  }
  connection.destroy();
  return count;
}

test('a flood of assignment requests does not fill the events file, and omitted events are counted', async () => {
  await inCluster({ servers: 1 }, async (cluster) => {
    const file = path.join(cluster.folder(1), 'server_1_events.ndjson');
    const before = statSync(file).size;
    const untilMs = performance.now() + ATTACK_MS;
    // With names of the maximum length it takes fewer of them.
    const counts = await Promise.all(
      [1, 2, 3].map((id) => ask(cluster.address(1), `${id}${'x'.repeat(1000)}`, untilMs)),
    );
    const asked = counts.reduce((sum, count) => sum + count, 0);
    const seen = (kind: ServerEvent['event']): ServerEvent[] => cluster.events(1).filter(({ event }) => event === kind);
    const leftOut = (): number =>
      seen('left_out').reduce(
        (sum, event) => sum + ((event as { counts: { assigned?: number } }).counts.assigned ?? 0),
        0,
      );
    await cluster.until('every assignment is recorded or counted', () => seen('assigned').length + leftOut() === asked);
    expect(leftOut()).toBeGreaterThan(0);
    const seconds = (performance.now() - untilMs + ATTACK_MS) / 1000;
    expect(statSync(file).size - before).toBeLessThan((2 + seconds + 1) * MIB);
  });
}, 60_000);

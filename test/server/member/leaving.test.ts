import type { ServerEvent } from '../../../src/core/metrics/record';
import { withServer } from '../real-server';
import { RawConnection, envelopeHead, taskRequest } from '../../support/raw';

const requestOf = (id: number, secret: Buffer): Buffer =>
  Buffer.concat([envelopeHead(taskRequest('Client', id), secret.length), secret]);

/** Makes the server leave at the first such event, in that very step; `done` resolves then. */
function leavesAt(event: ServerEvent['event']) {
  let reached!: () => void;
  const done = new Promise<void>((resolve) => (reached = resolve));
  let leave = (): void => undefined;
  return {
    done,
    record: (each: ServerEvent): void => {
      if (each.event !== event) return;
      leave();
      reached();
    },
    whom: (server: { leave(): void }) => (leave = () => server.leave()),
  };
}

it('a started answer reaches its client though the server leaves in the same step', async () => {
  const leaving = leavesAt('executed');
  await withServer({ record: leaving.record }, async ({ server, address, events }) => {
    leaving.whom(server);
    const client = await RawConnection.open(address);
    for (const id of [1, 2, 3]) client.send(requestOf(id, Buffer.alloc(20_000, id)));
    await server.stopped;
    const answered = events.filter((each) => each.event === 'executed' && each.outcome === 'answered');
    expect(answered.length).toBeGreaterThan(0);
    for (let count = 0; count < answered.length; count++) {
      const { message, body } = await client.next();
      expect(message).toMatchObject({ TaskResponse: { success: true } });
      expect(body.length).toBeGreaterThan(160_000);
    }
    expect(events.at(-1)).toMatchObject({ event: 'stopped' });
  });
}, 20_000);

it('a slow reader of a large answer gets the rest while the server leaves', async () => {
  const leaving = leavesAt('executed');
  await withServer({ record: leaving.record, drainMs: 10_000 }, async ({ server, address }) => {
    leaving.whom(server);
    const client = await RawConnection.open(address);
    client.send(requestOf(1, Buffer.alloc(5_000_000, 7)));
    client.stopReading();
    await leaving.done;
    client.socket.resume();
    expect((await client.next(10_000)).body.length).toBeGreaterThan(40_000_000);
    await server.stopped;
  });
}, 30_000);

it('a client that does not read delays it no longer than the drain time and a second', async () => {
  const leaving = leavesAt('executed');
  await withServer({ record: leaving.record, drainMs: 100 }, async ({ server, address }) => {
    const client = await RawConnection.open(address);
    client.send(requestOf(1, Buffer.alloc(5_000_000, 7)));
    client.stopReading();
    await leaving.done;
    const startedMs = performance.now();
    server.leave();
    await server.stopped;
    expect(performance.now() - startedMs).toBeLessThan(3000);
    client.destroy();
  });
}, 20_000);

import { systemClock } from '../../src/core/system/system-clock';
import { ACCEPTED_LIMITS } from '../../src/core/transport/network';
import { randomBytes } from '../imaging/pictures';
import { clientOf, closeAll, startServers } from './clients';
import type { ScriptedServer } from './scripted-server';

const MIB = 1024 * 1024;
const image = { name: 'small.png', bytes: randomBytes(1000) };

afterEach(closeAll);

/** Bytes received and sent by the server's sockets. */
function traffic(server: ScriptedServer): { received: number; sent: number } {
  const { connections } = server;
  return {
    received: connections.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    sent: connections.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
  };
}

describe('a client of one good server', () => {
  it('asks, sends, verifies, acks; the record has it all', async () => {
    const [server] = await startServers({});
    const client = clientOf([server!]);
    const before = systemClock.unixMs();
    const record = await client.request(image, 7);
    expect(record).toEqual({
      client_id: 42,
      request_id: 7,
      start_time: expect.any(Number),
      latency_ms: expect.any(Number),
      service_ms: expect.any(Number),
      success: true,
      failure_reason: null,
      assigned_server_id: 1,
      retry_count: 0,
      hedged: false,
      bytes_sent: expect.any(Number),
      bytes_received: expect.any(Number),
      image: 'small.png',
      term: 7,
      outcome: 'success',
      run_id: 'run',
    });
    expect(Math.abs(record.start_time - before)).toBeLessThan(50);
    expect(record.latency_ms).toBeGreaterThan(0);
    await server!.got('TaskAck');
    expect(server!.heard.map(({ message }) => message.kind)).toEqual([
      'TaskAssignmentRequest',
      'TaskRequest',
      'TaskAck',
    ]);
    const [task] = await server!.got('TaskRequest');
    const name = { run_id: 'run', client_name: 'Machine_1_Client_42', request_id: 7 };
    expect(task!.message).toEqual({
      kind: 'TaskRequest',
      ...name,
      assigned_by_leader: 1,
      timeout_ms: expect.any(Number),
    });
    expect(task!.secret.equals(image.bytes)).toBe(true);
  });

  it('the field order of a record is that of the files', async () => {
    const [server] = await startServers({});
    const record = await clientOf([server!]).request(image, 1);
    expect(Object.keys(record).join()).toBe(
      'client_id,request_id,start_time,latency_ms,service_ms,success,failure_reason,assigned_server_id,retry_count,' +
        'hedged,bytes_sent,bytes_received,image,term,outcome,run_id',
    );
  });

  it('many requests use one connection, and every byte on it is counted', async () => {
    const [server] = await startServers({});
    const client = clientOf([server!]);
    const totals = { sent: 0, received: 0 };
    for (let id = 1; id <= 20; id++) {
      const { success, bytes_sent, bytes_received } = await client.request(
        { name: 'x', bytes: randomBytes(id * 997) },
        id,
      );
      expect(success).toBe(true);
      totals.sent += bytes_sent;
      totals.received += bytes_received;
    }
    await server!.got('TaskAck', 20);
    expect(server!.connections.length).toBe(1);
    expect(traffic(server!)).toEqual({ received: totals.sent, sent: totals.received });
  });

  it('a megabyte arrives in many chunks', async () => {
    const [server] = await startServers({});
    const { success } = await clientOf([server!]).request({ name: 'big', bytes: randomBytes(1_000_000) }, 1);
    expect(success).toBe(true);
  });

  it("a carrier may be larger than a server's default frame limit", async () => {
    const [server] = await startServers({});
    const secret = { name: 'large', bytes: randomBytes(8 * MIB - 64) };
    const record = await clientOf([server!], { requestTimeoutMs: 30_000 }).request(secret, 1);
    expect(record).toMatchObject({ success: true, retry_count: 0 });
    expect(record.bytes_received).toBeGreaterThan(ACCEPTED_LIMITS.maxFrameBytes);
  }, 30_000);

  it('several in flight are told apart, in any order of answers', async () => {
    const [server] = await startServers({ onTask: () => undefined });
    const client = clientOf([server!]);
    const images = [1, 2, 3].map((id) => ({ name: `${id}`, bytes: randomBytes(500 + id) }));
    const all = images.map((each, index) => client.request(each, index + 1));
    const tasks = await server!.got('TaskRequest', 3);
    for (const task of [...tasks].reverse()) server!.answer(task);
    const records = await Promise.all(all);
    expect(records.map(({ success, image: name }) => [success, name])).toEqual([
      [true, '1'],
      [true, '2'],
      [true, '3'],
    ]);
    expect(server!.connections.length).toBe(1);
    expect(() => [client.request(image, 9), client.request(image, 9)]).toThrow('in flight');
  });

  it('latency counts from the intended start, service time from the send', async () => {
    const [server] = await startServers({});
    const intendedStartMs = systemClock.monotonicMs() - 1000;
    const record = await clientOf([server!]).request(image, 1, { intendedStartMs });
    expect(record.latency_ms - record.service_ms).toBeGreaterThanOrEqual(1000);
    expect(record.latency_ms - record.service_ms).toBeLessThan(1100);
    expect(systemClock.unixMs() - record.start_time).toBeGreaterThanOrEqual(1000);
  });

  it('passes the carrier on if requested', async () => {
    const [server] = await startServers({});
    let carrier = Buffer.alloc(0);
    const onCarrier = (chunks: Uint8Array[]): void => void (carrier = Buffer.concat(chunks));
    const { success } = await clientOf([server!]).request(image, 1, { onCarrier });
    expect(success).toBe(true);
    expect(carrier.subarray(1, 4).toString()).toBe('PNG');
  });

  it('reconnects after a restart of the server', async () => {
    const [server] = await startServers({});
    const client = clientOf([server!]);
    await client.request(image, 1);
    await server!.close();
    await server!.open();
    expect(await client.request(image, 2)).toMatchObject({ success: true });
  });
});

describe('Ctrl-C', () => {
  it('ends requests in flight as interrupted, cancels them at the server, and starts no more', async () => {
    const [server] = await startServers({ onTask: () => undefined });
    const client = clientOf([server!]);
    const running = client.request(image, 1);
    await server!.got('TaskRequest');
    client.abandon();
    expect(await running).toMatchObject({ outcome: 'interrupted', success: false, failure_reason: null });
    expect(client.inFlightCount).toBe(0);
    const [cancel] = await server!.got('TaskCancel');
    expect(cancel!.message).toMatchObject({ run_id: 'run', request_id: 1 });
    expect(await client.request(image, 2)).toMatchObject({ outcome: 'unsent', success: false, bytes_sent: 0 });
    await client.close();
    expect(client.connectionCount).toBe(0);
    await server!.until(() => server!.connections.length === 0);
  });

  it('close: messages sent before still arrive', async () => {
    const [server] = await startServers({});
    const client = clientOf([server!]);
    await client.request(image, 1);
    await client.close();
    expect((await server!.got('TaskAck')).length).toBe(1);
    await client.close();
  });

  it('a client that never started closes at once', async () => {
    await clientOf(['127.0.0.1:1']).close();
  });
});

import { createServer, type AddressInfo } from 'node:net';
import type { StatusFields } from '../../src/core/protocol';
import { askOne } from '../../src/core/transport/ask-status';
import { answered } from '../../src/status/answer.pure';
import { look, waitForAgreement, watch } from '../../src/status/status';
import { closeAll, deadAddress, listener, statusServer } from './listening';

afterEach(closeAll);

const never = new AbortController().signal;

describe('asking a server', () => {
  it('gets its status', async () => {
    const address = await statusServer(7, () => ({ tasks_done: 5 }));
    const answer = await askOne(address, 1000);
    expect(answer).toMatchObject({ address, status: { server_id: 7, tasks_done: 5, address } });
    expect('status' in answer && 'kind' in answer.status).toBe(false);
  });

  it('reports that nothing listens', async () => {
    const address = await deadAddress();
    expect(await askOne(address, 1000)).toEqual({ address, failure: 'no server is listening there' });
  });

  it('waits no longer than the timeout', async () => {
    const address = await listener(() => undefined);
    const startedMs = performance.now();
    expect(await askOne(address, 100)).toEqual({ address, failure: 'no answer in time' });
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });

  it('reports an error, and a closed connection', async () => {
    const refusing = await listener((connection) => connection.send({ kind: 'Error', code: 'x', message: 'not now' }));
    expect(await askOne(refusing, 1000)).toMatchObject({ failure: 'answered with an error: not now' });
    const closing = await listener((connection) => connection.destroy());
    expect(await askOne(closing, 1000)).toMatchObject({ failure: expect.stringContaining('closed') });
  });

  it('notices that it is not one of our servers', async () => {
    const web = createServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
      0,
      '127.0.0.1',
    );
    await new Promise((resolve) => web.once('listening', resolve));
    const address = `127.0.0.1:${(web.address() as AddressInfo).port}`;
    expect(await askOne(address, 1000)).toMatchObject({ failure: 'does not speak the cloudp2p protocol' });
    await new Promise((resolve) => web.close(resolve));
  });

  it('can be stopped', async () => {
    const address = await listener(() => undefined);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    expect(await askOne(address, 60_000, stop.signal)).toMatchObject({ failure: 'canceled' });
    expect(await askOne(address, 60_000, stop.signal)).toMatchObject({ failure: 'canceled' });
  });
});

it('asks all at once', async () => {
  const slow = await Promise.all([1, 2, 3].map(() => listener(() => undefined)));
  const startedMs = performance.now();
  const { answers, agreement } = await look(slow, never, 200);
  expect(performance.now() - startedMs).toBeLessThan(550);
  expect(answers.map(({ address }) => address)).toEqual(slow);
  expect(agreement.agreed).toBe(false);
});

it('waits until all agree', async () => {
  let leaderId: number | null = null;
  const addresses = await Promise.all([1, 2].map((id) => statusServer(id, () => ({ leader_id: leaderId }))));
  setTimeout(() => (leaderId = 2), 300);
  const { agreement } = await waitForAgreement(addresses, 10_000, never);
  expect(agreement.text).toBe('all 2 servers follow server 2 in term 1');
});

it('waits until all are ready, too: a starting server already follows a leader', async () => {
  let phase: StatusFields['phase'] = 'starting';
  const addresses = [await statusServer(1), await statusServer(2, () => ({ phase }))];
  expect((await waitForAgreement(addresses, 0, never)).agreement).toEqual({
    agreed: false,
    text: 'all 2 servers follow server 1 in term 1; server 2 is starting',
    leaderId: 1,
    term: 1,
  });
  setTimeout(() => (phase = 'ready'), 300);
  const { answers, agreement } = await waitForAgreement(addresses, 10_000, never);
  expect(answered(answers).map(({ status }) => status.phase)).toEqual(['ready', 'ready']);
  expect(agreement).toMatchObject({ agreed: true, text: 'all 2 servers follow server 1 in term 1' });
});

it('waits no longer than allowed, and asks at least once', async () => {
  const addresses = [await statusServer(1), await deadAddress()];
  const startedMs = performance.now();
  expect((await waitForAgreement(addresses, 500, never)).agreement.agreed).toBe(false);
  expect(performance.now() - startedMs).toBeLessThan(1500);
  expect((await waitForAgreement(addresses.slice(0, 1), 0, never)).agreement.agreed).toBe(true);
});

it('keeps looking until it is stopped', async () => {
  const address = await statusServer(1);
  const stop = new AbortController();
  let looks = 0;
  const startedMs = performance.now();
  await watch([address], stop.signal, () => {
    if (++looks === 2) setTimeout(() => stop.abort(), 20);
  });
  expect(looks).toBe(2);
  expect(performance.now() - startedMs).toBeLessThan(1900);
});

import { lookup } from 'node:dns/promises';
import { PeerHosts, type Resolve } from '../../src/server/peer-hosts';

const REFRESH_MS = 30_000;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Watches peers at these hosts; `told` has the reported addresses, in order. */
function watched(hosts: Record<number, string>, resolve: Resolve) {
  const told: [number, string[]][] = [];
  const addresses = new Map(Object.entries(hosts).map(([id, host]) => [Number(id), `${host}:8001`]));
  const peerHosts = new PeerHosts(addresses, (id, found) => told.push([id, found]), resolve);
  return { told, peerHosts };
}

test('addresses are reported at once, without a lookup', () => {
  const asked: string[] = [];
  const { told, peerHosts } = watched({ 2: '10.0.0.2', 3: '[::1]' }, (host) => {
    asked.push(host);
    return Promise.resolve([]);
  });
  peerHosts.start();
  expect(told).toEqual([
    [2, ['10.0.0.2']],
    [3, ['::1']],
  ]);
  expect(asked).toEqual([]);
  expect(jest.getTimerCount()).toBe(0);
});

test('names are reported when resolved and when they move, and kept while a lookup fails', async () => {
  const answers: (string[] | Error)[] = [['10.0.0.2'], ['10.0.0.2'], new Error('ENOTFOUND'), ['10.0.0.7', '10.0.0.8']];
  const { told, peerHosts } = watched({ 2: 'two' }, () => {
    const answer = answers.shift()!;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  });
  peerHosts.start();
  expect(told).toEqual([]);
  await jest.advanceTimersByTimeAsync(0);
  expect(told).toEqual([[2, ['10.0.0.2']]]);
  await jest.advanceTimersByTimeAsync(2 * REFRESH_MS);
  expect([told.length, answers.length]).toEqual([1, 1]);
  await jest.advanceTimersByTimeAsync(REFRESH_MS);
  expect(told.at(-1)).toEqual([2, ['10.0.0.7', '10.0.0.8']]);
  peerHosts.stop();
  expect(jest.getTimerCount()).toBe(0);
});

test('a slow name delays no other, and is not reported after the stop', async () => {
  let answer!: (hosts: string[]) => void;
  const { told, peerHosts } = watched({ 2: 'slow', 3: '10.0.0.3' }, () => new Promise((resolve) => (answer = resolve)));
  peerHosts.start();
  expect(told).toEqual([[3, ['10.0.0.3']]]);
  peerHosts.stop();
  answer(['10.0.0.2']);
  await jest.advanceTimersByTimeAsync(REFRESH_MS);
  expect(told).toHaveLength(1);
});

test('the default lookup returns all that the system knows', async () => {
  jest.useRealTimers();
  const known = (await lookup('localhost', { all: true })).map(({ address }) => address);
  const told = await new Promise((resolve) => {
    const peerHosts = new PeerHosts(new Map([[2, 'localhost:8001']]), (_, hosts) => {
      peerHosts.stop();
      resolve(hosts);
    });
    peerHosts.start();
  });
  expect(told).toEqual(known);
});

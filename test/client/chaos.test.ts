import { seededRandom } from '../../src/core/random';
import type { RequestRecord } from '../../src/core/metrics/record';
import { randomBytes } from '../imaging/pictures';
import { clientOf, closeAll, startServers } from './clients';
import { carrierOf, type Script, type ScriptedServer } from './scripted-server';

const TIMEOUT_MS = 1000;

afterEach(closeAll);

/** Servers that misbehave at random; some 40 % of their answers are good. */
function whimsical(random: () => number, servers: ScriptedServer[]): Partial<Script> {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const onTask: Script['onTask'] = (task, self) => {
    const carrier = carrierOf(task.secret);
    const whims = [
      () => task.connection.destroy(),
      () => task.connection.end(),
      () => self.refuse(task, pick(['overloaded', 'starting', 'leaving']), 'not now'),
      () => undefined,
      () => task.connection.sendFrame(randomBytes(100)),
      () => {
        const { request_id } = task.message;
        const response = { kind: 'TaskResponse', request_id, success: true, error_message: null } as const;
        task.connection.sendBody(response, carrier.length).write(carrier.subarray(0, carrier.length >> 1));
        setImmediate(() => task.connection.destroy());
      },
    ];
    if (random() < 0.4) self.answer(task, carrier);
    else pick(whims)();
  };
  const onAsk: Script['onAsk'] = (ask, self) => {
    if (random() < 0.1) return;
    if (random() < 0.1) return ask.connection.destroy();
    if (random() < 0.1) return self.assign(ask, { id: 9, address: pick(['127.0.0.1:1', 'nonsense', '[::1]:1']) });
    self.assign(ask, pick(servers), random() < 0.2 ? null : 1);
  };
  return { onAsk, onTask };
}

it.each([1, 2])(
  'whatever servers do, every request ends in time and nothing leaks (seed %i)',
  async (seed) => {
    const random = seededRandom(seed);
    const servers: ScriptedServer[] = [];
    const script = whimsical(random, servers);
    servers.push(...(await startServers(script, script, script)));
    const clients = Array.from({ length: 8 }, () => clientOf(servers, { requestTimeoutMs: TIMEOUT_MS, random }));
    const records: RequestRecord[] = [];
    const restarts = (async () => {
      for (const server of servers) {
        await server.close();
        await server.open();
      }
    })();
    await Promise.all(
      clients.map(async (client) => {
        for (let id = 1; id <= 4; id++) {
          records.push(await client.request({ name: 'x', bytes: randomBytes(200 + id) }, id));
        }
      }),
    );
    await restarts;
    expect(records.length).toBe(32);
    for (const { latency_ms, success, failure_reason, outcome, bytes_sent } of records) {
      expect(latency_ms).toBeLessThan(TIMEOUT_MS + 1000);
      expect(outcome).toBe(success ? 'success' : 'failure');
      expect(bytes_sent).toBeGreaterThanOrEqual(0);
      if (success) expect(failure_reason).toBeNull();
      else expect(failure_reason).toMatch(/^(Connection refused|Request timeout|Server |No leader)/);
    }
    expect(records.filter(({ success }) => success).length).toBeGreaterThan(20);
  },
  30_000,
);

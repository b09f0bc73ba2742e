import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hideImage, revealFile } from '../../src/client/hide';
import { loadImages } from '../../src/client/images';
import { runClient, type RunClientOptions } from '../../src/client/run-client';
import type { ClientConfig } from '../../src/config/client-config';
import { seededRandom } from '../../src/core/random';
import { systemClock } from '../../src/core/system/system-clock';
import { randomBytes } from '../imaging/pictures';
import { closeAll, startServers } from './clients';
import { carrierOf, type ScriptedServer } from './scripted-server';

let folder = '';
const at = (...names: string[]): string => path.join(folder, ...names);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-run-'));
  writeFileSync(at('a.png'), randomBytes(500));
  writeFileSync(at('b.png'), randomBytes(700));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await closeAll();
});

/** Runs the `client` command's feature against these servers; returns its report and output. */
async function run(
  servers: readonly (ScriptedServer | string)[],
  requests: Partial<ClientConfig['requests']>,
  { requestTimeoutMs = 400, ...change }: Partial<RunClientOptions> & { requestTimeoutMs?: number } = {},
) {
  let shown = '';
  const config: ClientConfig = {
    name: 'Machine_1_Client_3',
    serverAddresses: servers.map((server) => (typeof server === 'string' ? server : server.address)),
    imageDirectory: folder,
    requestTimeoutMs,
    requests: { pacing: { mode: 'rate', ratePerSecond: 200 }, ...requests },
    saysRequests: true,
  };
  const report = await runClient({
    config,
    images: loadImages(folder),
    machineId: 1,
    clientId: 3,
    seed: 1,
    clock: systemClock,
    logLevel: 'debug',
    signal: new AbortController().signal,
    display: { write: (text) => (shown += text), isTerminal: false },
    metricsFile: at('m', 'machine_1_client_3.json'),
    ...change,
  });
  const file = JSON.parse(readFileSync(at('m', 'machine_1_client_3.json'), 'utf8')) as Record<string, unknown>;
  const log = readFileSync(at('m', 'machine_1_client_3.log'), 'utf8');
  return { report, shown, file, log };
}

describe('a run', () => {
  it('writes its metrics, its log and a summary', async () => {
    const [server] = await startServers({});
    const { report, shown, file, log } = await run([server!], { totalRequests: 20 });
    expect(report).toMatchObject({
      client_name: 'Machine_1_Client_3',
      interrupted: false,
      interrupted_requests: 0,
      reached: true,
      aggregated_stats: { total_requests: 20, successful_requests: 20, server_distribution: { 1: 20 } },
    });
    expect(file).toMatchObject({ machine_id: 1, client_id: 3, aggregated_stats: report.aggregated_stats });
    const centroids = file.latency_digest as [number, number][];
    expect(centroids.reduce((sum, [, count]) => sum + count, 0)).toBe(20);
    expect(readdirSync(at('m')).sort()).toEqual(['machine_1_client_3.json', 'machine_1_client_3.log']);
    expect(shown).toMatch(
      /^Requests: {2}20 in .*\nFailed: {4}0 \(0\.00%\)\nLatency: .*\nServers: {3}1: 20 \(100\.0%\)\n/,
    );
    expect(log.match(/DEBUG request \d+ done/g)?.length).toBe(20);
    expect(new Set(server!.all('TaskRequest').map(({ secret }) => secret.length))).toEqual(new Set([500, 700]));
  });

  it('failures are counted by reason, logged as ERROR, and do not fail the run', async () => {
    const [server] = await startServers({ onTask: (task, self) => self.refuse(task, 'secret_too_large', 'too large') });
    const { report, shown, log } = await run([server!], { totalRequests: 3 });
    expect(report.aggregated_stats).toMatchObject({
      failed_requests: 3,
      failure_rate: 100,
      latency_p50_ms: null,
      server_distribution: { 1: 3 },
      failure_reasons: { 'Server error: too large': 3 },
    });
    expect(report.reached).toBe(true);
    expect(log.match(/ERROR request \d failed: Server error: too large \(/g)?.length).toBe(3);
    expect(shown).toContain('Failure:   Server error: too large: 3');
  });

  it('no server at all: says so', async () => {
    const [server] = await startServers({});
    await server!.close();
    const { report, shown } = await run([server!], { totalRequests: 2 });
    expect(report).toMatchObject({ reached: false, aggregated_stats: { failed_requests: 2 } });
    expect(shown).toContain(`no server could be reached: ${server!.address}`);
  });

  it('Ctrl-C: requests in flight are interrupted and in no total, files are whole', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const [server] = await startServers({
      onTask: (task, self) => (task.message.request_id <= 2 ? self.answer(task) : undefined),
    });
    const running = run([server!], { durationMs: 60_000 }, { signal, requestTimeoutMs: 60_000 });
    await server!.until(() => server!.all('TaskAck').length === 2 && server!.all('TaskRequest').length >= 4);
    controller.abort();
    const { report, shown, file } = await running;
    const interrupted = report.interrupted_requests;
    expect(report).toMatchObject({ interrupted: true, aggregated_stats: { total_requests: 2, failed_requests: 0 } });
    expect(interrupted).toBeGreaterThanOrEqual(2);
    expect(file).toMatchObject({ interrupted: true });
    expect(shown).toContain(`, ${interrupted} more in flight`);
    await server!.until(() => server!.connections.length === 0);
  });

  it('another program at the address is named in the log and in the summary', async () => {
    await withWebServer(
      () => undefined,
      async (address) => {
        const { shown, log, report } = await run([address], { totalRequests: 1 });
        expect(report).toMatchObject({
          reached: false,
          aggregated_stats: { failure_reasons: { 'Connection refused': 1 } },
        });
        expect(shown).toContain(`no server could be reached: ${address}: it does not speak the protocol of a server (`);
        expect(log).toContain(` ${address} broke the protocol: a frame of 1213486160 bytes, `);
      },
    );
  });

  it('is silent without a display', async () => {
    const [server] = await startServers({});
    const spy = jest.spyOn(process.stdout, 'write');
    await run([server!], { totalRequests: 1 }, { display: undefined });
    expect(spy).not.toHaveBeenCalled();
    spy.mockRestore();
  });

  it('an unwritable metrics file is an error before anything is sent', async () => {
    const [server] = await startServers({});
    const running = run([server!], { totalRequests: 1 }, { metricsFile: at('a.png', 'x.json') });
    await expect(running).rejects.toMatchObject({ code: 'bad_usage' });
    expect(server!.heard).toEqual([]);
  });
});

/** Runs `body` with the address of a web server, which calls `after` when it has had its first caller. */
async function withWebServer(
  after: (http: Server) => unknown,
  body: (address: string) => Promise<void>,
): Promise<void> {
  const http = createServer();
  http.on('connection', () => after(http));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  try {
    await body(`127.0.0.1:${(http.address() as AddressInfo).port}`);
  } finally {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  }
}

describe('hide and reveal', () => {
  const how = { clientName: 'c', requestTimeoutMs: 400, random: seededRandom(1), clock: systemClock };
  const hide = (server: { address: string }, more: { image?: string; out?: string } = {}) =>
    hideImage({ image: at('a.png'), out: at('out', 'c.png'), addresses: [server.address], ...how, ...more });

  it('hides and reveals', async () => {
    const [server] = await startServers({});
    const result = await hide(server!);
    expect(result).toMatchObject({ server_id: 1, secret_bytes: 500, out: at('out', 'c.png') });
    const carrier = readFileSync(at('out', 'c.png'));
    expect(carrier.length).toBe(result.carrier_bytes);
    expect(carrier.equals(carrierOf(readFileSync(at('a.png'))))).toBe(true);
    const { secret, crc } = revealFile(at('out', 'c.png'));
    expect(Buffer.from(secret).equals(readFileSync(at('a.png')))).toBe(true);
    expect(crc).toBe('ok');
    expect(readdirSync(at('out'))).toEqual(['c.png']);
  });

  it.each([
    ['secret_too_large', 'too large', 'secret_too_large', 'Server error: too large'],
    ['other', 'broken', 'not_reachable', 'Server error: broken'],
    ['overloaded', 'full', 'overloaded', 'Server overloaded'],
  ])('refused with %s: nothing is written', async (code, message, ours, text) => {
    const [server] = await startServers({ onTask: (task, self) => self.refuse(task, code, message) });
    await expect(hide(server!)).rejects.toMatchObject({ code: ours, message: text });
    expect(readdirSync(folder).sort()).toEqual(['a.png', 'b.png']);
  });

  it('a wrong carrier, and no server', async () => {
    const [server] = await startServers({ onTask: (task, self) => self.answer(task, carrierOf(randomBytes(3))) });
    await expect(hide(server!)).rejects.toMatchObject({ code: 'verification_failed' });
    await server!.close();
    await expect(hide(server!)).rejects.toMatchObject({
      code: 'not_reachable',
      message: `Connection refused (${server!.address})`,
    });
  });

  it.each([
    ['still answers', () => undefined],
    ['answers once and is gone', (http: Server) => http.close()],
  ])('another program at the address, which %s, is called that, not refused', async (_, after) => {
    await withWebServer(after, async (address) => {
      const detail = '\\(a frame of 1213486160 bytes, at most \\d+ are allowed\\)';
      const problem = `no server could be reached: ${address}: it does not speak the protocol of a server ${detail}`;
      const message = expect.stringMatching(new RegExp(`^${problem}$`)) as string;
      await expect(hide({ address })).rejects.toMatchObject({ code: 'not_reachable', message });
    });
  });

  it('an image is never overwritten by its carrier', async () => {
    const [server] = await startServers({});
    await expect(hide(server!, { out: at('x', '..', 'a.png') })).rejects.toMatchObject({ code: 'bad_usage' });
    expect(server!.heard).toEqual([]);
  });

  it('a file that is not a carrier is named', () => {
    expect(() => revealFile(at('a.png'))).toThrow(expect.objectContaining({ code: 'bad_image' }));
    expect(() => revealFile(at('a.png'))).toThrow(at('a.png'));
    expect(() => revealFile(at('nope'))).toThrow(expect.objectContaining({ code: 'bad_usage' }));
  });
});

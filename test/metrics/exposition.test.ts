import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expose, type Exposition } from '../../src/metrics/exposition';
import { addGauge, addTotal, newRegistry } from '../../src/metrics/instruments';
import { deadAddress } from '../status/listening';
import { complaints, scrape, valueOf } from './exposition-text';

let address = '';
let exposition: Exposition | undefined;
let value: number | null = 1;
let isBroken = false;
let madeCount = 0;
const sockets: Socket[] = [];

beforeEach(async () => {
  value = 1;
  isBroken = false;
  madeCount = 0;
  address = await deadAddress();
  const registry = newRegistry();
  addGauge(registry, 'a_ratio', 'A value', () => {
    madeCount += 1;
    if (isBroken) throw new Error('cannot look');
    return value;
  });
  addTotal(registry, 'a_total', 'A total', () => 7);
  exposition = await expose(address, registry);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await exposition?.close();
});

interface Answer {
  status: number;
  body: string;
  headers: Record<string, unknown>;
}

function ask(method: string, path: string, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const [host, port] = address.split(':');
    const asked = request({ host, port, method, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, body: Buffer.concat(chunks).toString(), headers });
      });
    });
    asked.on('error', reject).end(body);
  });
}

/** Sends `bytes` on a new connection; resolves with the response once the other side has closed. */
function say(bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = open().on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
    socket.on('close', () => resolve(heard));
    socket.write(bytes);
  });
}

const codeOf = (error: NodeJS.ErrnoException): string | undefined => error.code;

function open(): Socket {
  const [host, port] = address.split(':');
  const socket = connect({ host: host!, port: Number(port) }).on('error', () => undefined);
  sockets.push(socket);
  return socket;
}

describe('responses', () => {
  it('/metrics in the text format, by the conventions, with the process’s own metrics', async () => {
    const families = await scrape(address);
    expect(complaints(families)).toEqual([]);
    expect([valueOf(families, 'a_ratio'), valueOf(families, 'a_total')]).toEqual([1, 7]);
    expect(valueOf(families, 'process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(valueOf(families, 'process_cpu_seconds_total')).toBeGreaterThan(0);
  });

  it('a total does not grow with scrapes, and a gauge without a value is missing', async () => {
    await scrape(address);
    value = null;
    const families = await scrape(address);
    expect([valueOf(families, 'a_ratio'), valueOf(families, 'a_total')]).toEqual([undefined, 7]);
    value = 3;
    expect(valueOf(await scrape(address), 'a_ratio')).toBe(3);
  });

  it('HEAD like GET without a body, and a query string is ignored', async () => {
    const { status, body, headers } = await ask('HEAD', '/metrics?a=b');
    expect([status, body, Number(headers['content-length']) > 1000]).toEqual([200, '', true]);
  });

  it.each([
    ['GET', '/', 200, /^cloudp2p: metrics for Prometheus are at \/metrics\n$/],
    ['GET', '/metrics/', 404, /^not found; metrics are at \/metrics\n$/],
    ['GET', '/../../etc/passwd', 404, /^not found/],
    ['GET', '/<script>alert(1)</script>', 404, /^not found; metrics are at \/metrics\n$/],
    ['POST', '/metrics', 405, /^only GET and HEAD\n$/],
    ['DELETE', '/', 405, /^only GET and HEAD\n$/],
  ])('%s %s: %d', async (method, path, status, body) => {
    const answer = await ask(method, path);
    expect(answer).toMatchObject({ status, body: expect.stringMatching(body) });
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    if (status === 405) expect(answer.headers['allow']).toBe('GET, HEAD');
  });

  it('an error while collecting is a 500, and the next scrape works again', async () => {
    isBroken = true;
    expect(await ask('GET', '/metrics')).toMatchObject({ status: 500, body: expect.stringContaining('cannot look') });
    isBroken = false;
    expect((await ask('GET', '/metrics')).status).toBe(200);
  });

  it('an address in use is reported with key and flag', async () => {
    await expect(expose(address, newRegistry())).rejects.toMatchObject({
      code: 'address_in_use',
      message: `metrics_address (--metrics-address): ${address} is in use by another program`,
    });
    await expect(expose('203.0.113.1:9', newRegistry())).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(/^metrics_address \(--metrics-address\): cannot listen on 203.0.113.1:9: /),
    });
  });
});

describe('hostile clients', () => {
  afterEach(async () => void expect(complaints(await scrape(address))).toEqual([]));

  it.each([
    ['bytes that are no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['headers without end', `GET / HTTP/1.1\r\nX: ${'a'.repeat(100_000)}`, 431],
    ['a bad request line', 'GET\x00/\x1b[31m HTTP/1.1\r\n\r\n', 400],
    ['a second length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
  ])('%s: refused and closed', async (_, bytes, status) => {
    expect(await say(Buffer.from(bytes, 'latin1'))).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  it('a head that never ends is closed after a few seconds', async () => {
    expect(await say('GET /metrics HTTP/1.1\r\nHost: a\r\n')).toMatch(/^$|^HTTP\/1.1 408 /);
  }, 10_000);

  it('a large body is not kept', async () => {
    const before = process.memoryUsage().rss;
    // The connection may be gone before the response is read.
    const status = await ask('POST', '/metrics', Buffer.alloc(30_000_000)).then((answer) => answer.status, codeOf);
    expect([405, 'ECONNRESET', 'EPIPE']).toContain(status);
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6);
  });

  it('thousands of pipelined requests get one response, and the connection ends', async () => {
    const heard = await say('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3000));
    expect(heard.match(/HTTP\/1.1 /g) ?? []).toEqual(heard === '' ? [] : ['HTTP/1.1 ']);
    expect(madeCount).toBeLessThan(5);
  });

  it('hundreds of silent connections: those beyond the limit are closed, the others time out', async () => {
    const silent = Array.from({ length: 300 }, open);
    const closed = silent.map((socket) => new Promise<void>((resolve) => socket.on('close', () => resolve())));
    await Promise.all(closed);
  }, 10_000);
});

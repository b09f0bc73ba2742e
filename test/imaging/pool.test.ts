import sharp from 'sharp';
import { ImagePool } from '../../src/imaging/pool';
import type { PoolJob } from '../../src/imaging/pool';
import type { Compression } from '../../src/imaging/carrier-plan';
import { revealCarrier } from '../../src/imaging/decoder';
import { drain, photo, randomBytes } from './pictures';
import { workerSource } from './worker-source';

const source = workerSource();
const picture = photo(300, 200);
let cover: Buffer;
const pools: ImagePool[] = [];

beforeAll(async () => {
  cover = await sharp(picture.rgb, { raw: { width: 300, height: 200, channels: 3 } })
    .jpeg()
    .toBuffer();
});
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

function makePool(options: { workers?: number; compression?: Compression; source?: string; cover?: Uint8Array } = {}) {
  const { workers = 2, compression = 'stored' } = options;
  const pool = new ImagePool({
    workers,
    compression,
    cover: options.cover ?? cover,
    workerSource: options.source ?? source,
  });
  pools.push(pool);
  return pool;
}

async function collect(job: PoolJob): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let part = await job.next(); part !== null; part = await job.next()) parts.push(part);
  return Buffer.concat(parts);
}

describe('ImagePool', () => {
  it.each(['stored', 'huffman', 'fast'] as const)(
    'hides in workers what the main thread would, %s',
    async (compression) => {
      const pool = makePool({ compression });
      expect(await pool.ready).toEqual({ width: 288, height: 200 });
      const sizes = [1, 5000, 100_000, 300_000];
      const jobs = sizes.map((size) => pool.hide(randomBytes(size)));
      const files = await Promise.all(jobs.map(collect));
      for (const [index, size] of sizes.entries()) {
        expect(files[index]!.length).toBe(await jobs[index]!.byteLength);
        expect(files[index]!.equals(drain(pool.encoder(randomBytes(size))))).toBe(true);
        expect(Buffer.compare(revealCarrier([files[index]!]).secret, randomBytes(size))).toBe(0);
      }
      expect(await jobs[0]!.next()).toBeNull();
    },
  );

  it('moves a secret that fills its buffer, copies one that does not', async () => {
    const pool = makePool();
    await pool.ready;
    const whole = randomBytes(1000);
    const view = randomBytes(2000).subarray(500, 1500);
    const files = await Promise.all([collect(pool.hide(whole)), collect(pool.hide(view))]);
    expect(view.length).toBe(1000);
    expect(Buffer.compare(revealCarrier([files[0]!]).secret, randomBytes(1000))).toBe(0);
    expect(Buffer.compare(revealCarrier([files[1]!]).secret, view)).toBe(0);
  });

  it('makes no more than two parts ahead of the reader, and serves others meanwhile', async () => {
    const pool = makePool({ workers: 1 });
    await pool.ready;
    const slow = pool.hide(randomBytes(3_000_000));
    const first = (await slow.next())!;
    const quick = await collect(pool.hide(randomBytes(1000)));
    expect(revealCarrier([quick]).secret.length).toBe(1000);
    await collect(pool.hide(randomBytes(1000, 5)));
    expect((slow as unknown as { ready: unknown[] }).ready.length).toBe(2);
    const rest = await collect(slow);
    expect(first.length + rest.length).toBe(await slow.byteLength);
  });

  it('refuses what does not fit before any work', async () => {
    const pool = makePool();
    expect(() => pool.plan(5)).toThrow('not decoded yet');
    await pool.ready;
    expect(() => pool.hide(new Uint8Array(0))).toThrow('empty');
    expect(() => pool.plan(100_000_000)).toThrow('100000000 bytes');
  });

  it('cancel ends a job at once', async () => {
    const pool = makePool({ workers: 1 });
    await pool.ready;
    const job = pool.hide(randomBytes(3_000_000));
    const waiting = job.next();
    job.cancel();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    await expect(job.next()).rejects.toMatchObject({ code: 'cancelled' });
    job.cancel();
    expect((await collect(pool.hide(randomBytes(10)))).length).toBeGreaterThan(0);
  });

  it('a cover that cannot be decoded is said by `ready`', async () => {
    await expect(makePool({ cover: Buffer.from('nothing') }).ready).rejects.toMatchObject({
      code: 'bad_image',
      message: 'the cover is neither a PNG nor a JPEG',
    });
  });

  it('a worker that dies fails its jobs and is replaced', async () => {
    const dying = `${source}\nrequire('node:worker_threads').parentPort.on('message', (m) => {
      if (m.kind === 'job' && m.secret.length === 666) throw new Error('boom'); });`;
    const pool = makePool({ workers: 1, source: dying });
    await pool.ready;
    for (let round = 0; round < 3; round++) {
      const bad = pool.hide(randomBytes(666));
      const bystander = pool.hide(randomBytes(2_000_000));
      await expect(collect(bad)).rejects.toMatchObject({ code: 'internal', retryable: true });
      await expect(collect(bystander)).rejects.toMatchObject({ code: 'internal' });
      await expect(bad.byteLength).resolves.toBeGreaterThan(0);
      expect(revealCarrier([await collect(pool.hide(randomBytes(700)))]).secret.length).toBe(700);
    }
  });

  it('workers that keep dying break the pool instead of the machine', async () => {
    const dying = `${source}\nrequire('node:worker_threads').parentPort.on('message', () => process.exit(7));`;
    const pool = makePool({ workers: 1, source: dying });
    await pool.ready;
    for (let round = 0; round < 5; round++) {
      await expect(collect(pool.hide(randomBytes(10)))).rejects.toMatchObject({ code: 'internal' });
    }
    expect(() => pool.hide(randomBytes(10))).toThrow('died');
  });

  it('a worker that cannot even start fails `ready`', async () => {
    await expect(makePool({ source: 'throw new Error("no")' }).ready).rejects.toMatchObject({ code: 'internal' });
  });

  it('close cancels what runs', async () => {
    const pool = makePool({ workers: 1 });
    await pool.ready;
    const waiting = collect(pool.hide(randomBytes(5_000_000)));
    const closed = pool.close();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    await closed;
    expect(() => pool.hide(randomBytes(1))).toThrow('closed');
  });
});

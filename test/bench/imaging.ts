import { constants, deflateSync } from 'node:zlib';
import { CarrierEncoder } from '../../src/imaging/carrier';
import { CarrierReader } from '../../src/imaging/decoder';
import { AREA, kernel } from '../../src/imaging/kernel';
import { CoverPyramid } from '../../src/imaging/cover-pyramid';
import type { Compression } from '../../src/imaging/carrier-plan';
import { ImagePool } from '../../src/imaging/pool';
import { photo, randomBytes } from '../imaging/photo';

/** The worker's bundle, defined by esbuild; without it the part about worker trips is skipped. */
declare const WORKER_SOURCE: string | undefined;

const SIZES = [1_000, 36_734, 100_000, 1_000_000, 5_000_000];
const DEFLATE = {
  stored: { level: 0 },
  huffman: { level: 1, strategy: constants.Z_HUFFMAN_ONLY },
  fast: { level: 1 },
};
const RUNS = 7;

/** Median CPU µs of one call, over RUNS runs of about 30 ms each. */
function medianCpuMicros(work: () => void): number {
  work();
  const begun = performance.now();
  work();
  const calls = Math.max(1, Math.round(30 / (performance.now() - begun)));
  for (let i = 0; i < calls; i++) work();
  const runs = Array.from({ length: RUNS }, () => {
    const before = process.cpuUsage();
    for (let i = 0; i < calls; i++) work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / calls;
  });
  return runs.sort((a, b) => a - b)[RUNS >> 1]!;
}

/** The minimum that any encoder does: embed, deflate with the same setting, copy into a message. */
function bareCost(secretBytes: number, compression: Compression): number {
  const cover = photo(1024, Math.ceil((secretBytes * 8) / 3072)).rgb;
  const loops = kernel();
  const raw = Buffer.alloc(cover.length);
  return medianCpuMicros(() => {
    for (let at = 0; at < cover.length; at += 48_000) {
      const piece = cover.subarray(at, at + 48_000);
      loops.bytes.set(piece, AREA.cover);
      loops.embed(AREA.cover, AREA.payload, AREA.samples, piece.length >> 4);
      raw.set(loops.bytes.subarray(AREA.samples, AREA.samples + piece.length), at);
    }
    Buffer.from(deflateSync(raw, DEFLATE[compression]));
  });
}

function carrierOf(pyramid: CoverPyramid, secret: Uint8Array, compression: Compression): Uint8Array[] {
  const encoder = new CarrierEncoder(pyramid, secret, compression);
  const parts: Uint8Array[] = [];
  for (let part = encoder.next(); part !== null; part = encoder.next()) parts.push(part);
  return parts;
}

function verify(carrier: Uint8Array, expected: Uint8Array): void {
  const reader = new CarrierReader({ expected });
  for (let at = 0; at < carrier.length; at += 65_536) reader.push(carrier.subarray(at, at + 65_536));
  reader.finish();
}

function benchCompressions(pyramid: CoverPyramid): void {
  console.log('secret bytes  setting   carrier bytes  encode µs  verify µs  together  bare embed+deflate+copy µs');
  for (const size of SIZES) {
    const secret = randomBytes(size);
    for (const compression of ['stored', 'huffman', 'fast'] as const) {
      const carrier = Buffer.concat(carrierOf(pyramid, secret, compression));
      const encodeMicros = medianCpuMicros(() => {
        const encoder = new CarrierEncoder(pyramid, secret, compression);
        while (encoder.next() !== null);
      });
      const verifyMicros = medianCpuMicros(() => verify(carrier, secret));
      const numbers = [
        carrier.length,
        encodeMicros,
        verifyMicros,
        encodeMicros + verifyMicros,
        bareCost(size, compression),
      ];
      const widths = [14, 10, 10, 9, 12];
      const cells = numbers.map((value, index) => value.toFixed(0).padStart(widths[index]!));
      console.log(`${String(size).padStart(12)}  ${compression.padEnd(8)}${cells.join(' ')}`);
    }
  }
}

/**
 * Measures how long this thread is busy per carrier, when it encodes itself and when a worker does, and the wall time.
 */
async function benchTrip(pool: ImagePool, size: number): Promise<string> {
  const secret = randomBytes(size);
  const jobs = Math.max(20, Math.min(300, Math.round(20_000_000 / size)));
  const trip = async () => {
    const job = pool.hide(secret.slice());
    while ((await job.next()) !== null);
  };
  for (let i = 0; i < 10; i++) await trip();
  const before = performance.eventLoopUtilization();
  const cpu = process.cpuUsage();
  const begun = performance.now();
  for (let i = 0; i < jobs; i++) await trip();
  const wallMicros = ((performance.now() - begun) / jobs) * 1000;
  const { user, system } = process.cpuUsage(cpu);
  const busyMicros = (performance.eventLoopUtilization(before).active / jobs) * 1000;
  let longestMicros = 0;
  const ownMicros = medianCpuMicros(() => {
    const encoder = pool.encoder(secret);
    for (;;) {
      const start = performance.now();
      if (encoder.next() === null) return;
      longestMicros = Math.max(longestMicros, (performance.now() - start) * 1000);
    }
  });
  const cells = [size, ownMicros, longestMicros, busyMicros, (user + system) / jobs, wallMicros];
  return cells.map((value) => value.toFixed(0).padStart(12)).join('');
}

/** Prints medians; compare them only within one run. */
export async function run(): Promise<void> {
  const cover = photo(612, 405);
  benchCompressions(CoverPyramid.of(cover));
  if (typeof WORKER_SOURCE !== 'string') {
    console.log('no WORKER_SOURCE in this bundle: worker trips are not measured');
    return;
  }
  const file = Buffer.concat(carrierOf(CoverPyramid.of(cover), randomBytes(90_000), 'fast'));
  const pool = new ImagePool({ workers: 1, cover: file, compression: 'stored', workerSource: WORKER_SOURCE });
  await pool.ready;
  console.log('\nOne carrier, µs      main: CPU  longest part  trip: main busy   CPU in all   wall');
  for (const size of [1_000, 10_000, 36_734, 100_000, 250_000, 500_000, 1_000_000, 5_000_000]) {
    console.log(await benchTrip(pool, size));
  }
  await pool.close();
}

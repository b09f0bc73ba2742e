/**
 * CPU time of the client per request, except verification, against a scripted server in another process.
 * node_modules/.bin/esbuild test/client/overhead.bench.ts --bundle --platform=node --outfile=dist/overhead.cjs && node dist/overhead.cjs
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { VirtualClient } from '../../src/client/client';
import { Hedging } from '../../src/client/attempt/hedging';
import { seededRandom } from '../../src/core/random';
import { systemClock } from '../../src/core/system/system-clock';
import { CarrierReader } from '../../src/imaging/decoder';
import { carrierOf, ScriptedServer } from './scripted-server';

const COUNT = Number(process.argv[2] ?? 1000);
const SIZE = Number(process.argv[3] ?? 1024);
const image = { name: 'a.png', bytes: Buffer.alloc(SIZE, randomBytes(97)) };

async function serve(): Promise<void> {
  const known = new Map<string, Buffer>();
  const carrier = (secret: Buffer): Buffer => {
    const key = secret.toString('latin1');
    if (!known.has(key)) known.set(key, carrierOf(secret));
    return known.get(key)!;
  };
  const server = await ScriptedServer.start(1, {
    onTask: (task, self) => {
      self.heard.length = 0;
      self.answer(task, carrier(task.secret));
    },
  });
  process.send!(server.address);
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function verifyMicros(): number {
  const carrier = carrierOf(image.bytes);
  const run = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const reader = new CarrierReader({ expected: image.bytes });
      for (let at = 0; at < carrier.length; at += 65536) reader.push(carrier.subarray(at, at + 65536));
      reader.finish();
    }
  };
  run(COUNT);
  const before = cpuMicros();
  run(COUNT);
  return (cpuMicros() - before) / COUNT;
}

async function measure(address: string): Promise<void> {
  const client = new VirtualClient({
    clientId: 1,
    clientName: 'Machine_1_Client_1',
    runId: 'overhead',
    addresses: [address],
    requestTimeoutMs: 10_000,
    hedging: new Hedging(1),
    random: seededRandom(1),
    clock: systemClock,
  });
  let id = 0;
  const run = async (): Promise<number> => {
    const before = cpuMicros();
    for (let i = 0; i < COUNT; i++) {
      const { success } = await client.request(image, ++id);
      if (!success) throw new Error('a request failed');
    }
    return (cpuMicros() - before) / COUNT;
  };
  await run();
  const verify = verifyMicros();
  for (let round = 0; round < 5; round++) {
    const all = await run();
    console.log(
      `${SIZE} bytes: ${all.toFixed(0)} µs CPU a request, ${verify.toFixed(0)} verifying, ${(all - verify).toFixed(0)} besides`,
    );
  }
  await client.close();
}

if (process.send) void serve();
else {
  const child = fork(process.argv[1]!);
  child.once('message', (address) => void measure(String(address)).finally(() => child.kill()));
}

import { Command } from '@oclif/core';
import { createServer } from 'node:net';
import { readFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import { Worker } from 'node:worker_threads';

declare const WORKER_SOURCE: string;

function chunk(type: string, data: Buffer): Buffer {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  data.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

/** The thin path: a gradient as cover, the secret in its low bits, deflate stored. */
export function hide(secret: Buffer): Buffer {
  const width = 612;
  const bits = (secret.length + 4) * 8;
  const height = Math.ceil(bits / (width * 3));
  const stride = width * 3 + 1;
  const raw = Buffer.alloc(stride * height, 128);
  const framed = Buffer.alloc(secret.length + 4);
  framed.writeUInt32BE(secret.length, 0);
  secret.copy(framed, 4);
  for (let y = 0; y < height; y++) raw[y * stride] = 0;
  for (let bit = 0; bit < bits; bit++) {
    const at = Math.floor(bit / (width * 3)) * stride + 1 + (bit % (width * 3));
    raw[at] = (raw[at]! & 0xfe) | ((framed[bit >> 3]! >> (7 - (bit & 7))) & 1);
  }
  const ihdr = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  ihdr.writeUInt32BE(width, 0);
  ihdr.writeUInt32BE(height, 4);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk('IHDR', ihdr), chunk('IDAT', deflateSync(raw, { level: 0 })), chunk('IEND', Buffer.alloc(0))]);
}

export class Server extends Command {
  static override description = 'run one server';

  async run(): Promise<void> {
    const worker = new Worker(WORKER_SOURCE, { eval: true });
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    const server = createServer({ noDelay: true }, (socket) => {
      let held: Buffer[] = [];
      let size = 0;
      socket.on('data', (data: Buffer) => {
        held.push(data);
        size += data.length;
        if (size < 4) return;
        const all = Buffer.concat(held);
        held = [all];
        if (size < 4 + all.readUInt32BE(0)) return;
        const headerBytes = all.readUInt32BE(5);
        const { TaskRequest } = JSON.parse(all.toString('utf8', 9, 9 + headerBytes)) as { TaskRequest: { request_id: number } };
        const carrier = hide(all.subarray(9 + headerBytes));
        const header = Buffer.from(JSON.stringify({ TaskResponse: { request_id: TaskRequest.request_id, success: true, error_message: null } }));
        const head = Buffer.alloc(9);
        head.writeUInt32BE(5 + header.length + carrier.length, 0);
        head[4] = 1;
        head.writeUInt32BE(header.length, 5);
        socket.cork();
        socket.write(head);
        socket.write(header);
        socket.write(carrier);
        socket.uncork();
        held = [];
        size = 0;
      });
    });
    server.listen(8001, '127.0.0.1', () => this.log(`listening, cpu ${JSON.stringify(process.cpuUsage())}`));
    process.on('SIGTERM', () => {
      this.log(`cpu ${JSON.stringify(process.cpuUsage())}`);
      process.exit(0);
    });
    await new Promise(() => readFileSync);
  }
}

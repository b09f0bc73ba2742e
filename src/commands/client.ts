import { Command } from '@oclif/core';
import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';
import { inflateSync } from 'node:zlib';

/** Reads the secret back out of a carrier of the thin path. */
function reveal(carrier: Buffer, length: number): Buffer {
  const width = carrier.readUInt32BE(16);
  const idatBytes = carrier.readUInt32BE(33);
  const raw = inflateSync(carrier.subarray(41, 41 + idatBytes));
  const out = Buffer.alloc(length + 4);
  const stride = width * 3 + 1;
  for (let bit = 0; bit < out.length * 8; bit++) {
    const at = Math.floor(bit / (width * 3)) * stride + 1 + (bit % (width * 3));
    out[bit >> 3]! |= (raw[at]! & 1) << (7 - (bit & 7));
  }
  return out;
}

export class Client extends Command {
  static override description = 'send one image and verify what comes back';
  static override strict = false;

  async run(): Promise<void> {
    const count = Number(this.argv[0] ?? 1);
    const secret = randomBytes(36_734);
    const socket = connect({ port: 8001, noDelay: true });
    const started = performance.now();
    const cpu = process.cpuUsage();
    for (let id = 1; id <= count; id++) {
      const header = Buffer.from(JSON.stringify({ TaskRequest: { client_name: 'thin', request_id: id, assigned_by_leader: 1 } }));
      const head = Buffer.alloc(9);
      head.writeUInt32BE(5 + header.length + secret.length, 0);
      head[4] = 1;
      head.writeUInt32BE(header.length, 5);
      socket.write(Buffer.concat([head, header, secret]));
      const carrier = await new Promise<Buffer>((resolve) => {
        const held: Buffer[] = [];
        let size = 0;
        const onData = (data: Buffer) => {
          held.push(data);
          size += data.length;
          if (size < 4 + held[0]!.readUInt32BE(0)) return;
          socket.off('data', onData);
          const all = Buffer.concat(held);
          resolve(all.subarray(9 + all.readUInt32BE(5)));
        };
        socket.on('data', onData);
      });
      const back = reveal(carrier, secret.length);
      if (!back.subarray(4).equals(secret)) throw new Error(`wrong bytes in request ${id}`);
    }
    socket.end();
    const used = process.cpuUsage(cpu);
    this.log(`${count} verified in ${Math.round(performance.now() - started)} ms, cpu per request ${((used.user + used.system) / count / 1000).toFixed(2)} ms`);
  }
}

import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { CarrierReader } from '../../src/imaging/decoder';
import { freePorts } from '../support/cluster';
import { inCluster } from '../support/in-cluster';
import { inFolder, runProgram, type Ended } from '../support/program';
import { envelopeHead, RawConnection, taskRequest } from '../support/raw';

const WIDTH = 640;
const HEIGHT = 320;
const SECRET = Buffer.alloc(40_000, 5);

jest.setTimeout(30_000);

/** A picture with a bright upper and a dark lower half: rotated, it has bright and dark columns. */
function picture(): sharp.Sharp {
  const rgb = Buffer.alloc(WIDTH * HEIGHT * 3, 40).fill(210, 0, (WIDTH * HEIGHT * 3) / 2);
  return sharp(rgb, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
}

async function serverWithCover(name: string, cover: Buffer): Promise<Ended & { hasEvents: boolean }> {
  return inFolder(async (cwd) => {
    const [port] = await freePorts(1);
    writeFileSync(path.join(cwd, name), cover);
    const toml = `[server]\nid = 1\naddress = "127.0.0.1:${port}"\ncover_image = "${name}"\n`;
    writeFileSync(path.join(cwd, 'server.toml'), toml);
    const ended = await runProgram(['server', '--config', 'server.toml'], { cwd, timeoutMs: 10_000 });
    return { ...ended, hasEvents: existsSync(path.join(cwd, 'server_1_events.ndjson')) };
  });
}

describe('a truncated cover', () => {
  test.each([
    ['half.jpg', () => picture().jpeg(), /damaged JPEG: it is truncated/],
    ['half.png', () => picture().png({ progressive: true }), /damaged PNG: it is truncated/],
  ])('%s is refused before the server listens', async (name, make, why) => {
    const whole = await make().toBuffer();
    const ended = await serverWithCover(name, whole.subarray(0, whole.length / 2));
    expect(ended).toMatchObject({ code: 2, signal: null, stdout: '', hasEvents: false });
    expect(ended.stderr).toMatch(why);
    expect(ended.stderr).toMatch(`Error: server.toml: server.cover_image ${name}: `);
  });

  test('and terminated again is refused once it has been decoded', async () => {
    const whole = await picture().jpeg().toBuffer();
    const closed = Buffer.concat([whole.subarray(0, whole.length * 0.8), Buffer.of(0xff, 0xd9)]);
    const { code, stderr } = await serverWithCover('closed.jpg', closed);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^Error: server\.toml: server\.cover_image closed\.jpg: .* damaged JPEG: .*premature end/);
  });
});

/** The carrier that a server makes with this cover, as sharp decodes it. */
async function carrierOf(cover: Buffer): Promise<{ data: Buffer; width: number }> {
  return inFolder(async (folder) => {
    const coverFile = path.join(folder, 'cover');
    writeFileSync(coverFile, cover);
    return inCluster({ servers: 1, coverFile }, async (cluster) => {
      const connection = await RawConnection.open(cluster.address(1));
      try {
        connection.send(Buffer.concat([envelopeHead(taskRequest('Cover', 1), SECRET.length), SECRET]));
        const { body } = await connection.next();
        const reader = new CarrierReader({ expected: SECRET });
        reader.push(body);
        reader.finish();
        const { data, info } = await sharp(body).raw().toBuffer({ resolveWithObject: true });
        return { data, width: info.width };
      } finally {
        connection.destroy();
      }
    });
  });
}

test('a rotated JPEG is turned upright, an interlaced PNG is shown as it is', async () => {
  const upright = await carrierOf(await picture().png({ progressive: true }).toBuffer());
  const turned = await carrierOf(await picture().rotate(270).withMetadata({ orientation: 6 }).jpeg().toBuffer());
  expect(turned.width).toBe(upright.width);
  const worst = upright.data.reduce((most, value, at) => Math.max(most, Math.abs(value - turned.data[at]!)), 0);
  expect(worst).toBeLessThanOrEqual(12);
  expect(upright.data[0]).toBeGreaterThan(180);
}, 60_000);

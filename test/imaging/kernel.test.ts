import { deflateSync } from 'node:zlib';
import { adler32, AREA, AREA_BYTES, kernel } from '../../src/imaging/kernel';
import { embedByte, extractByte } from '../../src/imaging/lsb.pure';
import { randomBytes } from './pictures';

const loops = kernel();

describe('the WebAssembly loops', () => {
  it('embed, compare and extract like the plain ones', () => {
    const cover = randomBytes(4096, 1);
    const payload = randomBytes(512, 2);
    const expected = cover.slice();
    payload.forEach((byte, index) => embedByte(expected, index * 8, byte));
    loops.bytes.set(cover, AREA.cover);
    loops.bytes.set(payload, AREA.payload);
    const out = AREA.samples + 3;
    loops.embed(AREA.cover, AREA.payload, out, 256);
    expect(Buffer.from(loops.bytes.subarray(out, out + 4096)).equals(Buffer.from(expected))).toBe(true);
    expect(loops.differs(out, AREA.payload, 256)).toBe(0);
    loops.extract(out, AREA.payload + 600, 256);
    expect(
      Buffer.from(loops.bytes.subarray(AREA.payload + 600, AREA.payload + 1112)).equals(Buffer.from(payload)),
    ).toBe(true);
    expect(extractByte(expected, 80)).toBe(payload[10]);
  });

  it('see every single flipped bit, and only lowest bits', () => {
    const out = AREA.samples + 1;
    loops.bytes.fill(0, AREA.payload, AREA.payload + 512);
    loops.bytes.fill(0xfe, out, out + 4096);
    expect(loops.differs(out, AREA.payload, 256)).toBe(0);
    for (let i = 0; i < 4096; i++) {
      loops.bytes[out + i] = 0xff;
      expect(loops.differs(out, AREA.payload, 256)).toBe(1);
      loops.bytes[out + i] = 0xfe;
    }
  });

  it.each([0, 1, 15, 16, 17, 4095, 4096, 4097, 60_000])('Adler-32 of %i bytes like zlib', (length) => {
    for (const bytes of [randomBytes(length), new Uint8Array(length).fill(255)]) {
      loops.bytes.set(bytes, AREA.samples);
      const expected = deflateSync(bytes).readUInt32BE(deflateSync(bytes).length - 4);
      expect(adler32(loops, 1, AREA.samples, length)).toBe(expected);
    }
  });

  it('have room for what the encoder and the reader put in', () => {
    const end = AREA.samples + AREA_BYTES.samples;
    expect(end).toBeLessThanOrEqual(loops.bytes.length);
    expect(AREA.payload + AREA_BYTES.payload).toBeLessThanOrEqual(AREA.cover);
    expect(AREA.cover + AREA_BYTES.cover).toBeLessThanOrEqual(AREA.samples);
  });
});

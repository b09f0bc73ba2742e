import fc from 'fast-check';
import { ByteBlocks } from '../../../../src/core/transport/wire/byte-blocks';

/** Bytes that encode their position, as a view into a larger array. */
const viewOf = (length: number, around: number): Uint8Array =>
  new Uint8Array(length + around).map((_, index) => index % 251).subarray(around >> 1, (around >> 1) + length);

test('chunks of any size come out in order, holding at most twice the bytes and a block', () => {
  const chunk = fc.tuple(fc.oneof(fc.nat(10), fc.nat(70_000)), fc.oneof(fc.constant(0), fc.nat(70_000)));
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 30 }), (sizes) => {
      const chunks = sizes.map(([length, around]) => viewOf(length, around));
      const all = Buffer.concat(chunks);
      const blocks = new ByteBlocks();
      let collectedBytes = 0;
      for (const each of chunks) {
        blocks.append(each, all.length - collectedBytes);
        collectedBytes += each.length;
        expect(blocks.length).toBe(collectedBytes);
        expect(blocks.heldBytes).toBeLessThanOrEqual(2 * collectedBytes + 65_536);
      }
      const counted = blocks.heldBytes;
      const taken = blocks.take();
      expect(Buffer.concat(taken).equals(all)).toBe(true);
      const buffers = new Set(taken.map(({ buffer }) => buffer));
      expect([...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThanOrEqual(counted);
      expect([blocks.length, blocks.heldBytes]).toEqual([0, 0]);
    }),
    { numRuns: 200 },
  );
});

test('a million single bytes are a few blocks', () => {
  const blocks = new ByteBlocks();
  for (let left = 1_000_000; left > 0; left--) blocks.append(Buffer.from([left & 0xff]), left);
  expect(blocks.heldBytes).toBeLessThan(1_100_000);
  expect(blocks.take().length).toBeLessThan(30);
});

test('a large chunk is not copied', () => {
  const blocks = new ByteBlocks();
  const chunk = new Uint8Array(65_536);
  blocks.append(chunk, 1e6);
  expect(blocks.take()[0]!.buffer).toBe(chunk.buffer);
});

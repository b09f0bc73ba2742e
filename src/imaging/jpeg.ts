/** Decodes a JPEG cover with mozjpeg in WebAssembly, and rotates it according to its EXIF data. */
import createDecoder from '@jsquash/jpeg/codec/dec/mozjpeg_dec.js';
import wasm from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm';
import type { Cover } from './cover';
import { upright } from './exif';
import { damagedJpeg, jpegStructure } from './jpeg-structure';

interface Decoder {
  decode(file: Uint8Array, preserveOrientation: boolean): { data: Uint8Array; width: number; height: number } | null;
}

type CreateDecoder = (options: {
  noInitialRun: boolean;
  instantiateWasm(imports: object, done: (instance: WebAssembly.Instance) => void): unknown;
  print(text: string): void;
  printErr(text: string): void;
}) => Promise<Decoder>;

/**
 * The decoder's warnings, reported along with an image, that mean missing or invented pixels. Many files have oddities
 * that leave the pixels intact (bytes between segments).
 */
const LOSSES = /premature end|bad huffman code|bad arithmetic code|instead of RST/i;

/**
 * Makes an instance for each call, so that its memory (4 bytes a pixel and more) is freed with it: @jsquash/jpeg's own
 * entry would keep it forever.
 * @throws ClusterError('bad_image')
 */
export async function decodeJpeg(file: Uint8Array): Promise<Cover> {
  const { orientation } = jpegStructure(file);
  const complaints: string[] = [];
  try {
    const decoder = await (createDecoder as unknown as CreateDecoder)({
      noInitialRun: true,
      instantiateWasm(imports, done) {
        const instance = new WebAssembly.Instance(new WebAssembly.Module(wasm), imports);
        done(instance);
        return instance.exports;
      },
      print: (text) => complaints.push(text),
      printErr: (text) => complaints.push(text),
    });
    const image = decoder.decode(file, false);
    if (image !== null && !LOSSES.test(complaints.join('\n'))) return upright(image.data, 4, image, orientation);
  } catch (cause) {
    // Anything but an Error is the decoder's own exception: an object without a message, which has been reported
    // already.
    if (cause instanceof Error) complaints.push(cause.message);
  }
  throw damagedJpeg(complaints.join('; ') || 'it cannot be decoded');
}

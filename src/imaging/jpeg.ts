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
 * Of the decoder's warnings, which it gives with a picture: those that say that pixels are missing or made up. What is
 * odd but leaves them as they are (bytes between segments) is in many files.
 */
const LOSSES = /premature end|bad huffman code|bad arithmetic code|instead of RST/i;

/**
 * Decodes a JPEG by mozjpeg in WebAssembly. The instance is made for this call, so that its memory (4 bytes a pixel
 * and more) goes with it: @jsquash/jpeg's own entry would keep it for ever. The picture is turned as its EXIF data say.
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
    // What is no Error is the decoder's own exception: an object without words, and the words are here already.
    if (cause instanceof Error) complaints.push(cause.message);
  }
  throw damagedJpeg(complaints.join('; ') || 'it cannot be decoded');
}

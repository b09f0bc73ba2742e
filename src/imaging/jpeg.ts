import createDecoder from '@jsquash/jpeg/codec/dec/mozjpeg_dec.js';
import wasm from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm';
import { ClusterError } from '../core/errors';
import type { Cover } from './cover';
import { checkCoverSize } from './pixels';

/** Also of YCCK, which is CMYK stored in another way. */
const CMYK_COMPONENTS = 4;

interface Decoder {
  decode(file: Uint8Array, preserveOrientation: boolean): { data: Uint8Array; width: number; height: number } | null;
}

type CreateDecoder = (options: {
  noInitialRun: boolean;
  instantiateWasm(imports: object, done: (instance: WebAssembly.Instance) => void): unknown;
  print(text: string): void;
  printErr(text: string): void;
}) => Promise<Decoder>;

/** Whether the file begins like a JPEG. */
export function isJpeg(file: Uint8Array): boolean {
  return file[0] === 0xff && file[1] === 0xd8 && file[2] === 0xff;
}

/**
 * Decodes a JPEG by mozjpeg in WebAssembly. The instance is made for this call, so that its memory (4 bytes a pixel
 * and more) goes with it: @jsquash/jpeg's own entry would keep it for ever.
 * @throws ClusterError('bad_image')
 */
export async function decodeJpeg(file: Uint8Array): Promise<Cover> {
  const { width, height, components } = frameOf(file);
  checkCoverSize(width, height);
  if (components === CMYK_COMPONENTS) {
    throw new ClusterError('bad_image', 'the cover is a JPEG, but its colours (CMYK) are not supported');
  }
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
    if (image !== null) return { width: image.width, height: image.height, rgb: withoutAlpha(image.data) };
  } catch (cause) {
    // What is no Error is the decoder's own exception: an object without words, and the words are here already.
    if (cause instanceof Error) complaints.push(cause.message);
  }
  throw new ClusterError(
    'bad_image',
    `the cover is a damaged JPEG: ${complaints.join('; ') || 'it cannot be decoded'}`,
  );
}

/** What the frame header says (SOFn, ITU T.81 B.2.2), before anything is decoded. */
function frameOf(file: Uint8Array): { width: number; height: number; components: number } {
  const u16 = (at: number) => ((file[at] ?? 0) << 8) | (file[at + 1] ?? 0);
  for (let at = 2; at + 9 < file.length;) {
    if (file[at] !== 0xff) break;
    const marker = file[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { width: u16(at + 7), height: u16(at + 5), components: file[at + 9]! };
    at += 2 + Math.max(2, u16(at + 2));
  }
  throw new ClusterError('bad_image', 'the cover is a damaged JPEG: it has no frame header');
}

function withoutAlpha(rgba: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    rgb[to++] = rgba[from]!;
    rgb[to++] = rgba[from + 1]!;
    rgb[to++] = rgba[from + 2]!;
  }
  return rgb;
}

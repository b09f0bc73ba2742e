import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ClusterError } from '../core/errors';
import { causeOf } from './cause';

let lastNumber = 0;

/**
 * Writes a file whole or not at all: into a temporary file of the same folder (made if it is missing), fsync, rename.
 * @throws ClusterError `bad_usage` naming the file where it cannot be written
 */
export async function writeWhole(file: string, content: string | readonly Uint8Array[]): Promise<void> {
  const folder = path.dirname(file);
  const temporary = path.join(folder, `.${path.basename(file)}.${process.pid}.${++lastNumber}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    await writeAndSync(temporary, typeof content === 'string' ? [Buffer.from(content)] : content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new ClusterError('bad_usage', `cannot write ${file}: ${causeOf(error)}`, { cause: error });
  }
}

async function writeAndSync(file: string, chunks: readonly Uint8Array[]): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    for (const chunk of chunks) await handle.writeFile(chunk);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

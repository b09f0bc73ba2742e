/** Reads small files that another user may have placed: never through a link, and never waiting for a pipe. */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { oneLine } from '../../core/printable';
import { causeOf } from '../../files/cause';
import { refused } from '../refusal';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

export interface SmallFile {
  text: string;
  /** The stats of the file that was read, even if its name was reused. */
  stats: Stats;
}

/**
 * Returns null if the file does not exist.
 * @throws ClusterError for anything but a regular file of at most `maxBytes`
 */
export function readSmallFile(file: string, maxBytes: number): SmallFile | null {
  const fd = openToRead(file);
  if (fd === null) return null;
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw refused(`${oneLine(file)} is not a regular file`);
    const buffer = Buffer.alloc(maxBytes + 1);
    const count = readSync(fd, buffer, 0, buffer.length, 0);
    if (count > maxBytes) throw refused(`${oneLine(file)} is larger than ${maxBytes} bytes`);
    return { text: buffer.toString('utf8', 0, count), stats };
  } finally {
    closeSync(fd);
  }
}

function openToRead(file: string): number | null {
  try {
    return openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    if (code === 'ELOOP') throw refused(`${oneLine(file)} is a symbolic link, expected a regular file`, error);
    throw refused(`cannot read ${oneLine(file)}: ${causeOf(error)}`, error);
  }
}

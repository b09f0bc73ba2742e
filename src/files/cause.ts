/** Explains file-system errors. */

const WORDS: Record<string, string> = {
  ENOENT: 'does not exist',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EFBIG: 'the file exceeds the size limit',
  EDQUOT: 'no space left in the quota',
  EIO: 'input/output error',
  ENOTDIR: 'is not a folder, or a part of its path is not',
  EEXIST: 'a part of the path is not a folder',
  EISDIR: 'is a folder',
  ENAMETOOLONG: 'the path is too long',
  ELOOP: 'too many symbolic links, or a link that leads back to itself',
  EMFILE: 'too many open files in this process',
  ENFILE: 'too many open files on this machine',
  EBUSY: 'is in use, or a mount point',
  ETXTBSY: 'is a program that is running',
  ENXIO: 'is a socket, or a FIFO without a reader',
  EPIPE: 'the reader has closed its end',
  EAGAIN: 'the reader is too slow',
  EBADF: 'is not open for writing',
};

/** Returns the cause of a file error as text. */
export function causeOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return WORDS[code] ?? message;
}

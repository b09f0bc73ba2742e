const WORDS: Record<string, string> = {
  ENOENT: 'does not exist',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EFBIG: 'the file is larger than it may be',
  EDQUOT: 'no space left in the quota',
  ENOTDIR: 'is no folder, or lies in something that is none',
  EEXIST: 'a part of the path is not a folder',
  EISDIR: 'is a folder',
  ENAMETOOLONG: 'the path is too long',
};

/** What went wrong with a file, in words. */
export function causeOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return WORDS[code] ?? message;
}

/** The files that a command reads and writes, with their names in errors. */
import { isSamePlace, type NamedFile } from './target';

/** Returns the files by name, without those that are not set. */
export function namedFiles(files: Record<string, string | null | undefined>): NamedFile[] {
  return Object.entries(files).flatMap(([name, path]) => (typeof path === 'string' ? [{ name, path }] : []));
}

/** Returns the files of [tls] by their keys. */
export function namedTlsFiles(tls: { [key in 'ca' | 'cert' | 'key']: { path: string } } | undefined): NamedFile[] {
  return Object.entries(tls ?? {}).map(([key, { path }]) => ({ name: `tls.${key}`, path }));
}

/**
 * Returns the first written file that is the same as a later written one or a read one, with that one; undefined if all
 * differ.
 */
export function findShared(
  written: readonly NamedFile[],
  read: readonly NamedFile[],
): { file: NamedFile; twin: NamedFile } | undefined {
  for (const [index, file] of written.entries()) {
    const twin = [...written.slice(index + 1), ...read].find(({ path }) => isSamePlace(path, file.path));
    if (twin !== undefined) return { file, twin };
  }
  return undefined;
}

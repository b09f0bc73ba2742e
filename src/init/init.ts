/** Writes the files inside the program into a folder, for `cloudp2p init`. */
import { lstatSync } from 'node:fs';
import path from 'node:path';
import { type Asset, TEMPLATES, TEST_IMAGES } from '../assets/assets';
import { ClusterError } from '../core/errors';
import { schemaFiles } from '../config/json-schema';
import { writeAll } from '../files/write-whole';

export interface InitOptions {
  folder: string;
  /** True to overwrite existing files. */
  force: boolean;
}

/** One written file; `path` as a user would type it. */
export interface WrittenFile {
  path: string;
  bytes: number;
}

/**
 * Writes configuration templates, their schemas for editors, and test images, all or none.
 * @throws ClusterError `bad_usage` if files exist and `force` is false (nothing is written then), or if the folder is
 * not writable
 */
export async function init({ folder, force }: InitOptions): Promise<WrittenFile[]> {
  const schemas = schemaFiles().map(({ path: name, text }): Asset => ({ path: name, content: () => text }));
  const assets: readonly Asset[] = [...TEMPLATES, ...schemas, ...TEST_IMAGES];
  const targets = assets.map((asset) => ({ path: path.join(folder, asset.path), asset }));
  const existing = force ? [] : targets.filter((target) => exists(target.path));
  if (existing.length > 0) {
    const lines = existing.map((target) => `${target.path} already exists`);
    throw new ClusterError('bad_usage', [...lines, 'nothing was written; --force overwrites'].join('\n'));
  }
  const files = targets.map((target) => ({ path: target.path, content: Buffer.from(target.asset.content()) }));
  await writeAll(files);
  return files.map((file) => ({ path: file.path, bytes: file.content.length }));
}

/** A dangling link counts as existing. A path that cannot be examined is reported when it is written. */
function exists(file: string): boolean {
  try {
    lstatSync(file);
    return true;
  } catch {
    return false;
  }
}

/** `cloudp2p init`: the files inside the program, as files in a folder. */
import { lstatSync } from 'node:fs';
import path from 'node:path';
import { type Asset, TEMPLATES, TEST_IMAGES } from '../assets/assets';
import { ClusterError } from '../core/errors';
import { writeAll } from '../files/write-whole';

export interface InitOptions {
  folder: string;
  /** Whether files that exist may be overwritten. */
  force: boolean;
}

/** One written file; `path` as a person would type it. */
export interface WrittenFile {
  path: string;
  bytes: number;
}

/**
 * Writes configuration templates and test images, all or none.
 * Throws ClusterError `bad_usage` if files exist and `force` is false (nothing is written then), or for a folder that
 * cannot be written.
 */
export async function init({ folder, force }: InitOptions): Promise<WrittenFile[]> {
  const assets: readonly Asset[] = [...TEMPLATES, ...TEST_IMAGES];
  const targets = assets.map((asset) => ({ path: path.join(folder, asset.path), asset }));
  const existing = force ? [] : targets.filter((target) => exists(target.path));
  if (existing.length > 0) {
    const lines = existing.map((target) => `${target.path} exists already`);
    throw new ClusterError('bad_usage', [...lines, 'nothing was written; --force overwrites'].join('\n'));
  }
  const files = targets.map((target) => ({ path: target.path, content: Buffer.from(target.asset.content()) }));
  await writeAll(files);
  return files.map((file) => ({ path: file.path, bytes: file.content.length }));
}

/** A link that leads nowhere is there, too. What cannot be looked at is told of when it is written. */
function exists(file: string): boolean {
  try {
    lstatSync(file);
    return true;
  } catch {
    return false;
  }
}

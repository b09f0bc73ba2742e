import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterError, EXIT, exitCodeOf } from '../../src/core/errors';

/** A temporary folder for each test file, removed afterwards; `file` writes into it and returns the path. */
export function useTempFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'cloudp2p-config-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return {
    folder,
    file(name: string, content: string | Uint8Array): string {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    },
  };
}

/**
 * The message lines of the configuration error that `act` throws; fails if it throws anything else, or if a line shows
 * a stack trace or a control character, or is too long to read.
 */
export function configErrorLines(act: () => unknown): string[] {
  let thrown: unknown;
  try {
    act();
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof ClusterError)) throw new Error(`expected a ClusterError, got ${String(thrown)}`);
  expect(exitCodeOf(thrown)).toBe(EXIT.usage);
  const lines = thrown.message.split('\n');
  expect(thrown.code).toBe(lines.every((line) => line.startsWith('--')) ? 'bad_usage' : 'bad_config');
  for (const line of lines) {
    expect(line).not.toMatch(/^\s*at /);
    expect(line).not.toMatch(/\p{Cc}/u);
    expect(line).not.toMatch(/undefined|\[object|Invalid (key|type)/);
    expect(line.length).toBeLessThan(400);
  }
  return lines;
}

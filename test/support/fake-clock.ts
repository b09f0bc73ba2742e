import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const LIBRARY = findLibrary();

/** Tests that set a program's wall clock; where libfaketime is missing they are skipped, and say so. */
export const describeWithFakeClock = LIBRARY === undefined ? describe.skip : describe;
if (LIBRARY === undefined) {
  process.stderr.write('libfaketime is missing (Debian package faketime): tests that set a clock are skipped\n');
}

/** A wall clock that programs may be started with, and that can be set while they run. Others never notice. */
export class FakeClock {
  private readonly file: string;

  constructor(folder: string, aheadSecs: number) {
    this.file = path.join(folder, 'fake-clock');
    this.set(aheadSecs);
  }

  /** So far is it ahead of the real one from now on. */
  set(aheadSecs: number): void {
    writeFileSync(`${this.file}.new`, `${aheadSecs < 0 ? '' : '+'}${aheadSecs}\n`);
    renameSync(`${this.file}.new`, this.file);
  }

  /** How a program is started with it: what comes out is that very program. */
  command(program: string): string[] {
    const env = {
      LD_PRELOAD: LIBRARY,
      ...{ FAKETIME_TIMESTAMP_FILE: this.file, FAKETIME_NO_CACHE: '1' },
      // As it was called, and as it is.
      ...{ DONT_FAKE_MONOTONIC: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
    };
    return ['env', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), program];
  }
}

function findLibrary(): string | undefined {
  const libs = ['/usr/lib', '/usr/local/lib', '/usr/lib64'];
  const folders = libs.flatMap((lib) => [
    lib,
    ...(existsSync(lib) ? readdirSync(lib).map((name) => path.join(lib, name)) : []),
  ]);
  return folders.map((folder) => path.join(folder, 'faketime/libfaketime.so.1')).find((file) => existsSync(file));
}

import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const LIBRARY = findLibrary();

/** For tests that set a program's wall clock; without libfaketime they are skipped, with a message. */
export const describeWithFakeClock = LIBRARY === undefined ? describe.skip : describe;
if (LIBRARY === undefined) {
  process.stderr.write('libfaketime is missing (Debian package faketime): tests that set a clock are skipped\n');
}

/** A wall clock for programs started with it; it can be set while they run. Other programs are not affected. */
export class FakeClock {
  private readonly file: string;

  constructor(folder: string, aheadSecs: number) {
    this.file = path.join(folder, 'fake-clock');
    this.set(aheadSecs);
  }

  /** Sets how far it is ahead of the real clock from now on. */
  set(aheadSecs: number): void {
    writeFileSync(`${this.file}.new`, `${aheadSecs < 0 ? '' : '+'}${aheadSecs}\n`);
    renameSync(`${this.file}.new`, this.file);
  }

  /** The command line that starts a program with this clock; `env` executes it, so the pid stays the same. */
  command(program: string): string[] {
    const env = {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_NO_CACHE: '1',
      // The name in older versions, and in newer ones.
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
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

/** Special files for tests, made in folders of their own. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { lstatSync } from 'node:fs';

const isRoot = process.getuid?.() === 0;
/** The reason why a test cannot make its own mounts; null if it can. */
const WHY_NO_MOUNTS = spawnSync('unshare', ['-m', 'true']).status === 0 ? null : 'unshare -m does not work here';

/** For tests that need device nodes, which only root can make. */
export const testWithDevices = isRoot ? test : test.skip;
/** For tests that need mounts that no other process sees. */
export const testWithMounts = isRoot && WHY_NO_MOUNTS === null ? test : test.skip;
if (!isRoot || WHY_NO_MOUNTS !== null) {
  process.stderr.write(`tests of devices and mounts are skipped: ${isRoot ? WHY_NO_MOUNTS : 'this is not root'}\n`);
}

/** Makes another /dev/null, which may be lost without harm. */
export function makeNullDevice(file: string): string {
  execFileSync('mknod', [file, 'c', '1', '3']);
  return file;
}

/** Makes another /dev/full, on which every write fails as on a full disk. */
export function makeFullDevice(file: string): string {
  execFileSync('mknod', [file, 'c', '1', '7']);
  return file;
}

export function isNullDevice(file: string): boolean {
  const there = lstatSync(file);
  return there.isCharacterDevice() && there.rdev === 0x103;
}

export function makeFifo(file: string): string {
  execFileSync('mkfifo', [file]);
  return file;
}

/** Reads a FIFO to its end in another process: opening it would block this one. */
export function readFifo(file: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const reader = spawn('cat', [file], { stdio: ['ignore', 'pipe', 'ignore'], timeout: 30_000 });
    reader.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    reader.once('error', reject).once('close', () => resolve(Buffer.concat(chunks)));
  });
}

/** The command line that runs a program with `folder` mounted read-only. */
export function readOnly(folder: string, program: string, args: readonly string[]): [string, string[]] {
  const script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"';
  return ['unshare', ['-m', 'sh', '-c', script, folder, program, ...args]];
}

/** The command line that runs a program with `folder` as a disk of `sizeKb` KiB, after the commands of `prepare`. */
export function onSmallDisk(
  folder: string,
  sizeKb: number,
  prepare: string,
  command: readonly string[],
): [string, string[]] {
  const script = `mount -t tmpfs -o size=${sizeKb}k none "$0" && cd "$0" && { ${prepare}; } && "$@"; code=$?; ls -lA --time-style=+ >&2; exit $code`;
  return ['unshare', ['-m', 'sh', '-c', script, folder, ...command]];
}

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The kernel's netem, or its imitation in user space, netem/tc.py. */
export type Netem = 'kernel' | 'likeness';

/** The netem that can delay packets on this machine; null if there is none. Needs root. */
export function netemHere(): Netem | null {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const call = ['--net', 'tc', ...'qdisc add dev lo root netem delay 1ms'.split(' ')];
  if (spawnSync('unshare', call, { env }).status === 0) return 'kernel';
  const hasNft = spawnSync('nft', ['--version'], { env }).status === 0;
  return hasNft && existsSync('/dev/net/tun') && pythonHere() !== null ? 'likeness' : null;
}

/** Installs the imitation in a folder that goes first on the PATH. */
export function installNetemLikeness(bin: string): void {
  // Read from the repository, as the compiled tests and benches are elsewhere.
  const text = readFileSync(path.join('test', 'support', 'netem', 'tc.py'), 'utf8');
  writeFileSync(path.join(bin, 'tc'), `#!${pythonHere()!}\n${text}`, { mode: 0o755 });
}

/** Returns the path of the interpreter itself: `python3` may be a script that finds it. */
function pythonHere(): string | null {
  const { status, stdout } = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The kernel's own netem, or the one of netem/tc.py in user space. */
export type Netem = 'kernel' | 'likeness';

/** What can hold packets back on this machine; null: nothing. Needs root. */
export function netemHere(): Netem | null {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const call = ['--net', 'tc', ...'qdisc add dev lo root netem delay 1ms'.split(' ')];
  if (spawnSync('unshare', call, { env }).status === 0) return 'kernel';
  const hasNft = spawnSync('nft', ['--version'], { env }).status === 0;
  return hasNft && existsSync('/dev/net/tun') && pythonHere() !== null ? 'likeness' : null;
}

/** Puts the likeness into a folder that is to be first on the PATH. */
export function installNetemLikeness(bin: string): void {
  // A file of the repository, wherever the compiled tests and benches are.
  const text = readFileSync(path.join('test', 'support', 'netem', 'tc.py'), 'utf8');
  writeFileSync(path.join(bin, 'tc'), `#!${pythonHere()!}\n${text}`, { mode: 0o755 });
}

/** The interpreter itself: what `python3` names may be a script that looks for it. */
function pythonHere(): string | null {
  const { status, stdout } = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

/** Reads the executable that a run over SSH copies, and recognizes the system that it is for. */
import { readFileSync } from 'node:fs';
import { ClusterError } from '../../core/errors';
import { printable } from '../../core/printable';
import { causeOf } from '../../files/cause';

/** The program that is copied to other machines. */
export interface Executable {
  path: string;
  content: Uint8Array;
  /** The output of `uname -sm` on its machines. */
  system: string;
}

const ELF = 0x7f454c46;
const ELF_MACHINES: Record<number, string> = { 0x3e: 'Linux x86_64', 0xb7: 'Linux aarch64' };
/** The magic number of 64-bit Mach-O, little-endian. */
const MACH_O = 0xcffaedfe;
const MACH_O_CPUS: Record<number, string> = { 0x01000007: 'Darwin x86_64', 0x0100000c: 'Darwin arm64' };

/**
 * Reads the executable.
 * @param isBuilt false if a script of Node is running, which cannot run alone
 * @throws ClusterError `bad_usage` | `bad_config` for a file that is not an executable of Linux or macOS
 */
export function readExecutable(named: string | undefined, own: string, isBuilt: boolean): Executable {
  const file = named ?? own;
  if (named === undefined && !isBuilt) {
    const text = 'a run over SSH copies the built executable, but this is a Node script: start dist/cloudp2p';
    throw new ClusterError('bad_usage', `${text} (npm run build makes it), or name one in run.binary`);
  }
  const content = contentOf(file);
  const system = systemOf(content);
  if (system !== null) return { path: file, content, system };
  const text = `expected an executable of Linux or macOS, got "${printable(file, 200)}"`;
  throw new ClusterError('bad_config', `run.binary: ${text}`);
}

/** Returns the system from its first bytes; null if it is not a known executable. */
export function systemOf(content: Uint8Array): string | null {
  if (content.length < 20) return null;
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  if (view.getUint32(0) === ELF) return ELF_MACHINES[view.getUint16(18, true)] ?? null;
  if (view.getUint32(0) === MACH_O) return MACH_O_CPUS[view.getUint32(4, true)] ?? null;
  return null;
}

function contentOf(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const text = `cannot read ${printable(file, 200)}: ${causeOf(error)}`;
    throw new ClusterError('bad_config', `run.binary: ${text}`, { cause: error });
  }
}

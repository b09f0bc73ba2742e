import { readFileSync } from 'node:fs';
import { ClusterError } from '../../core/errors';
import { printable } from '../../core/printable';
import { causeOf } from '../../files/cause';

/** The program that is copied to other machines. */
export interface Executable {
  path: string;
  content: Uint8Array;
  /** What `uname -sm` says where it runs. */
  system: string;
}

const ELF = 0x7f454c46;
const ELF_MACHINES: Record<number, string> = { 0x3e: 'Linux x86_64', 0xb7: 'Linux aarch64' };
/** Of Mach-O with 64 bits, as it is read here. */
const MACH_O = 0xcffaedfe;
const MACH_O_CPUS: Record<number, string> = { 0x01000007: 'Darwin x86_64', 0x0100000c: 'Darwin arm64' };

/**
 * Reads the executable.
 * @param isBuilt false: what runs is a script of Node, which alone runs nowhere
 * @throws ClusterError `bad_usage` | `bad_config` for a file that is none of Linux or macOS
 */
export function readExecutable(named: string | undefined, own: string, isBuilt: boolean): Executable {
  const file = named ?? own;
  if (named === undefined && !isBuilt) {
    const text = 'a run over SSH copies the built executable, and this is a script of Node: start dist/cloudp2p';
    throw new ClusterError('bad_usage', `${text} (npm run build makes it), or name one in run.binary`);
  }
  const content = contentOf(file);
  const system = systemOf(content);
  if (system !== null) return { path: file, content, system };
  const text = `expected an executable of Linux or macOS, got "${printable(file, 200)}"`;
  throw new ClusterError('bad_config', `run.binary: ${text}`);
}

/** What its first bytes say; null: it is no executable that we know. */
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

import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { ClusterError } from '../../core/errors';
import { causeOf } from '../../files/cause';
import { oneLine } from '../../core/printable';
import { lookAtProcess } from '../drivers/process-info';
import { START_TOLERANCE_MS } from '../drivers/pid-file';
import { refused } from '../refusal';

/** Who breaks a server now; a second one is kept out. */
interface Holder {
  pid: number;
  /** Unix milliseconds. */
  startMs: number;
}

export interface Lock {
  /** A dead agent held it: what that one broke may be broken still. */
  wasStale: boolean;
  release(): void;
}

/**
 * Takes the lock of a server: a file beside its pid file, which appears whole and only once.
 * @throws ClusterError naming the process that holds it, or why it cannot be written
 */
export async function takeLock(pidFile: string, holder: Holder): Promise<Lock> {
  const file = `${pidFile}.faults.lock`;
  const own = `${file}.${holder.pid}`;
  const release = (): void => rmSync(file, { force: true });
  try {
    writeFileSync(own, JSON.stringify({ pid: holder.pid, start_time: holder.startMs }));
    if (appears(own, file)) return { wasStale: false, release };
    const text = readFileSync(file, 'utf8');
    const other = holderOf(text);
    if (other !== null && (await isAlive(other))) {
      throw refused(`process ${other.pid} is breaking it already (${oneLine(file)})`);
    }
    removeStale(file, text, own);
    if (appears(own, file)) return { wasStale: true, release };
    throw refused(`somebody else has begun to break it just now (${oneLine(file)})`);
  } catch (error) {
    if (error instanceof ClusterError) throw error;
    throw refused(`cannot write ${oneLine(file)}: ${causeOf(error)}`, error);
  } finally {
    rmSync(own, { force: true });
  }
}

/** Unlike a file that is opened, a link is there with its content or not at all. */
function appears(own: string, file: string): boolean {
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Of two who find it stale, the second must not remove what the first has put there. */
function removeStale(file: string, text: string, own: string): void {
  const aside = `${own}.stale`;
  renameSync(file, aside);
  const isTheStaleOne = readFileSync(aside, 'utf8') === text;
  if (!isTheStaleOne) appears(aside, file);
  rmSync(aside);
}

function holderOf(text: string): Holder | null {
  try {
    const { pid, start_time: startMs } = JSON.parse(text) as Record<string, unknown>;
    return Number.isSafeInteger(pid) && typeof startMs === 'number' ? { pid: pid as number, startMs } : null;
  } catch {
    return null;
  }
}

async function isAlive({ pid, startMs }: Holder): Promise<boolean> {
  const info = await lookAtProcess(pid);
  return info !== null && Math.abs(info.startMs - startMs) <= START_TOLERANCE_MS;
}

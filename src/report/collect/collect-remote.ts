/** Fetches the files of a run from other machines over SFTP, and compares the clocks of these machines. */
import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { inParallel } from '../../core/concurrency';
import type { Clock } from '../../core/environment';
import { ClusterError } from '../../core/errors';
import { formatSshTarget, type RemotePlace, type SshTarget } from '../../core/ssh-target';
import { makeFolder } from '../../files/folders';
import { cannotWrite } from '../../files/target';
import { type MachineClock, measureClock } from '../../ssh/machine-clock';
import { connectSsh } from '../../ssh/connect';
import type { RemoteEntry, Sftp } from '../../ssh/sftp';
import type { Ssh } from '../../ssh/ssh';
import { BY_NUMBER, isEventFile, isMetricsFile } from './collect';

export type RemoteKind = 'metrics' | 'events' | 'faults';

/** Files wanted from another machine, and their destination. */
export interface Wanted {
  kind: RemoteKind;
  place: RemotePlace;
  /** A local folder for this place alone. */
  into: string;
}

/** The result of fetching one place. */
export interface Fetched {
  /** null if the place was fetched; single files may still be missing. */
  problem: string | null;
  /** Local paths. */
  files: string[];
  /** Files that could not be fetched, with the reasons. */
  missing: string[];
  /** null if it could not be measured. */
  clock: MachineClock | null;
}

/** The progress of one machine. */
export interface MachineState {
  /** The machine as the user named it. */
  name: string;
  state: 'waiting' | 'connecting' | 'fetching' | 'done' | 'failed';
  files: number;
  /** Grows as places are listed. */
  totalFiles: number;
  bytes: number;
}

export interface CollectRemoteOptions {
  clock: Clock;
  /** Aborting it ends the collection at once with `interrupted`; the next call resumes. */
  signal: AbortSignal;
  /** Called once for each place, by its index in `wanted`, when its result is known. */
  onFetched(index: number, fetched: Fetched): void;
}

const MACHINES_AT_ONCE = 8;
const FILES_AT_ONCE = 16;
/** A machine is given up after this many connections, or when one is lost without progress. */
const MAX_CONNECTIONS = 5;

interface Task extends Wanted {
  index: number;
  isDone: boolean;
}

/** Works on many machines in parallel, over one connection to each. */
export class RemoteCollection {
  private readonly machines: MachineCollection[];
  private readonly stop = new AbortController();

  constructor(wanted: readonly Wanted[], options: CollectRemoteOptions) {
    const signal = AbortSignal.any([options.signal, this.stop.signal]);
    const byName = new Map<string, MachineCollection>();
    wanted.forEach((each, index) => {
      const name = formatSshTarget(each.place.target);
      let machine = byName.get(name);
      if (!machine)
        byName.set(name, (machine = new MachineCollection(name, each.place.target, { ...options, signal })));
      machine.tasks.push({ ...each, index, isDone: false });
    });
    this.machines = [...byName.values()];
  }

  get states(): readonly MachineState[] {
    return this.machines;
  }

  /**
   * Runs the collection. An unreachable machine is a result, not an error.
   * @throws ClusterError `interrupted`, `bad_config` (the ssh configuration), `bad_usage` (local files cannot be
   * written)
   */
  async run(): Promise<void> {
    let fatal: unknown;
    await inParallel(this.machines, MACHINES_AT_ONCE, async (machine) => {
      try {
        await machine.collect();
      } catch (error) {
        // A fatal error stops all machines; their own errors then add nothing.
        fatal ??= error;
        this.stop.abort();
        throw error;
      }
    }).catch(() => undefined);
    if (fatal !== undefined) throw fatal;
  }
}

class MachineCollection implements MachineState {
  readonly tasks: Task[] = [];
  state: MachineState['state'] = 'waiting';
  files = 0;
  totalFiles = 0;
  bytes = 0;
  private clock: MachineClock | null = null;

  constructor(
    readonly name: string,
    private readonly target: SshTarget,
    private readonly options: CollectRemoteOptions,
  ) {}

  async collect(): Promise<void> {
    for (let connections = 1; ; connections++) {
      const bytesBefore = this.bytes;
      try {
        await this.attempt();
        this.state = 'done';
        return;
      } catch (error) {
        if (!isOfMachine(error)) throw error;
        // A lost connection is opened again as long as it makes progress.
        const isWorthIt = error.retryable && this.bytes > bytesBefore && connections < MAX_CONNECTIONS;
        if (!isWorthIt) return this.fail(this.withoutName(error.message));
      }
    }
  }

  private async attempt(): Promise<void> {
    const { signal, clock } = this.options;
    this.state = 'connecting';
    const ssh = await connectSsh(this.target, { signal });
    try {
      this.clock ??= await clockOf(ssh, clock);
      this.state = 'fetching';
      const sftp = await ssh.sftp();
      for (const task of this.tasks) {
        if (!task.isDone) await this.fetchPlace(task, sftp);
      }
    } finally {
      ssh.close();
    }
  }

  private fail(problem: string): void {
    this.state = 'failed';
    for (const task of this.tasks) {
      if (!task.isDone) this.finish(task, { problem, files: [], missing: [], clock: this.clock });
    }
  }

  private finish(task: Task, fetched: Fetched): void {
    task.isDone = true;
    this.options.onFetched(task.index, fetched);
  }

  private async fetchPlace(task: Task, sftp: Sftp): Promise<void> {
    const found = await this.orProblem(list(task, sftp));
    if ('problem' in found) {
      return this.finish(task, { problem: found.problem, files: [], missing: [], clock: this.clock });
    }
    const entries = found.value;
    const [filesBefore, totalBefore] = [this.files, this.totalFiles];
    this.totalFiles += entries.length;
    const missing: string[] = [];
    const files: string[][] = [];
    try {
      await inParallel(entries, FILES_AT_ONCE, async (entry, index) => {
        const fetched = await this.orProblem(this.fetch(sftp, entry));
        this.files += 1;
        if ('problem' in fetched) missing.push(`${this.name}: ${fetched.problem}`);
        else files[index] = [entry.local];
      });
    } catch (error) {
      // The next connection counts them again.
      [this.files, this.totalFiles] = [filesBefore, totalBefore];
      throw error;
    }
    await removeParts(task.into);
    this.finish(task, { problem: null, files: files.flat(), missing, clock: this.clock });
  }

  private async fetch(sftp: Sftp, { remote, local, entry }: File): Promise<void> {
    const onBytes = (bytes: number): void => void (this.bytes += bytes);
    if (await isThere(local, entry)) return;
    await onDisk(path.dirname(local), makeFolder);
    await sftp.download(remote, local, entry, onBytes);
  }

  /** Turns an error about a single path into a result, if the connection is still usable. */
  private async orProblem<T>(work: Promise<T>): Promise<{ value: T } | { problem: string }> {
    try {
      return { value: await work };
    } catch (error) {
      if (!isOfMachine(error) || error.retryable) throw error;
      return { problem: this.withoutName(error.message) };
    }
  }

  private withoutName(message: string): string {
    return message.startsWith(`${this.name}: `) ? message.slice(this.name.length + 2) : message;
  }
}

function isOfMachine(error: unknown): error is ClusterError {
  return error instanceof ClusterError && error.code === 'not_reachable';
}

async function clockOf(ssh: Ssh, clock: Clock): Promise<MachineClock | null> {
  try {
    return await measureClock(ssh, clock);
  } catch (error) {
    // A machine that refuses commands may still serve files.
    if (!isOfMachine(error) || error.retryable) throw error;
    return null;
  }
}

/** A remote file and its local path. */
interface File {
  remote: string;
  local: string;
  entry: Pick<RemoteEntry, 'sizeBytes' | 'modifiedSecs'>;
}

/** Lists the files of a place. Remote names are used only if they match exactly what this program writes. */
async function list({ kind, place, into }: Wanted, sftp: Sftp): Promise<File[]> {
  const root = place.path;
  const here = await sftp.stat(root);
  if (here.kind === 'file' && kind !== 'metrics') {
    return [{ remote: root, local: path.join(into, safeName(path.posix.basename(root))), entry: here }];
  }
  if (kind === 'faults') throw new ClusterError('not_reachable', `${root} is not a regular file`);
  if (here.kind !== 'folder') throw new ClusterError('not_reachable', `${root} is not a folder`);
  const entries = await sftp.list(root);
  const isWanted = kind === 'metrics' ? isMetricsFile : isEventFile;
  const files = filesIn(entries, isWanted, root, into);
  if (kind === 'events') files.push(...(await filesBelow(entries, sftp, root, into)));
  if (files.length > 0) return files;
  throw new ClusterError('not_reachable', kind === 'metrics' ? 'has no metrics files' : 'has no event files');
}

function filesIn(entries: readonly RemoteEntry[], isWanted: (name: string) => boolean, there: string, here: string) {
  return entries
    .filter(({ name, kind }) => kind === 'file' && isWanted(name))
    .sort((a, b) => BY_NUMBER.compare(a.name, b.name))
    .map((entry): File => ({ remote: path.posix.join(there, entry.name), local: path.join(here, entry.name), entry }));
}

/** Lists event files one level below; folders that cannot be read are skipped. */
async function filesBelow(entries: readonly RemoteEntry[], sftp: Sftp, root: string, into: string): Promise<File[]> {
  const folders = entries.filter(({ name, kind }) => kind === 'folder' && !/[/\0]/.test(name));
  const found: File[][] = [];
  await inParallel(folders, FILES_AT_ONCE, async ({ name }, index) => {
    const folder = path.posix.join(root, name);
    try {
      found[index] = filesIn(await sftp.list(folder), isEventFile, folder, path.join(into, safeName(name)));
    } catch (error) {
      if (!isOfMachine(error) || error.retryable) throw error;
    }
  });
  return found.flat();
}

/** Turns a remote name into one that is safe locally; different names stay different. */
export function safeName(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 80);
  if (safe === name && !name.startsWith('.')) return name;
  return `${safe.replace(/^\.+/, '_')}_${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

async function isThere(local: string, { sizeBytes, modifiedSecs }: File['entry']): Promise<boolean> {
  const here = await stat(local).catch(() => null);
  return here !== null && here.isFile() && here.size === sizeBytes && Math.floor(here.mtimeMs / 1000) === modifiedSecs;
}

/** Removes partial downloads of files that have changed since. */
async function removeParts(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const parts = names.filter((name) => name.endsWith('.part'));
  await onDisk(folder, () => Promise.all(parts.map((name) => rm(path.join(folder, name), { force: true }))));
}

async function onDisk(place: string, act: (place: string) => unknown): Promise<void> {
  try {
    await act(place);
  } catch (error) {
    throw cannotWrite(place, error);
  }
}

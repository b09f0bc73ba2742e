import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../core/environment';
import { ClusterError } from '../../core/errors';
import { formatSshTarget, type RemotePlace, type SshTarget } from '../../core/ssh-target';
import { makeFolder } from '../../files/folders';
import { cannotWrite } from '../../files/target';
import { type ClockOffset, measureClock } from '../../ssh/clock-offset';
import { connectSsh } from '../../ssh/connect';
import { inParallel } from '../../ssh/in-parallel';
import type { RemoteEntry, Sftp } from '../../ssh/sftp';
import type { Ssh } from '../../ssh/ssh';
import { isEventFile, isMetricsFile } from './collect';

export type RemoteKind = 'metrics' | 'events' | 'faults';

/** What is wanted of another machine, and where it goes. */
export interface Wanted {
  kind: RemoteKind;
  place: RemotePlace;
  /** A folder of this machine, of its own. */
  into: string;
}

/** What came of it. */
export interface Fetched {
  /** null: all went well, or single files are missing. */
  problem: string | null;
  /** Paths on this machine. */
  files: string[];
  /** Files that could not be fetched, and why. */
  missing: string[];
  /** null: it could not be measured. */
  clock: ClockOffset | null;
}

/** How far a machine is. */
export interface MachineState {
  /** As the user named it. */
  name: string;
  state: 'waiting' | 'connecting' | 'fetching' | 'done' | 'failed';
  files: number;
  /** Grows with each place that is listed. */
  totalFiles: number;
  bytes: number;
}

export interface CollectRemoteOptions {
  clock: Clock;
  /** Aborted: ends at once, with `interrupted`; the next call goes on where this one was. */
  signal: AbortSignal;
  /** Something is known of the place at this index of what is wanted; once for each. */
  onFetched(index: number, fetched: Fetched): void;
}

const MACHINES_AT_ONCE = 8;
const FILES_AT_ONCE = 16;
/** A connection that is lost again without a byte more is given up. */
const MAX_CONNECTIONS = 5;

interface Task extends Wanted {
  index: number;
  isDone: boolean;
}

/** Fetches files from many machines at once, over one connection to each, and compares their clocks. */
export class RemoteCollection {
  readonly #machines: Machine[];
  readonly #stop = new AbortController();

  constructor(wanted: readonly Wanted[], options: CollectRemoteOptions) {
    const signal = AbortSignal.any([options.signal, this.#stop.signal]);
    const byName = new Map<string, Machine>();
    wanted.forEach((each, index) => {
      const name = formatSshTarget(each.place.target);
      let machine = byName.get(name);
      if (!machine) byName.set(name, (machine = new Machine(name, each.place.target, { ...options, signal })));
      machine.tasks.push({ ...each, index, isDone: false });
    });
    this.#machines = [...byName.values()];
  }

  get states(): readonly MachineState[] {
    return this.#machines;
  }

  /**
   * A machine that cannot be reached is a result.
   * @throws ClusterError `interrupted`, `bad_config` (the ssh configuration), `bad_usage` (files here cannot be written)
   */
  async run(): Promise<void> {
    let fatal: unknown;
    await inParallel(this.#machines, MACHINES_AT_ONCE, async (machine) => {
      try {
        await machine.collect();
      } catch (error) {
        // What ends one machine ends them all; theirs then say no more than that.
        fatal ??= error;
        this.#stop.abort();
        throw error;
      }
    }).catch(() => undefined);
    if (fatal !== undefined) throw fatal;
  }
}

class Machine implements MachineState {
  readonly tasks: Task[] = [];
  state: MachineState['state'] = 'waiting';
  files = 0;
  totalFiles = 0;
  bytes = 0;
  #clock: ClockOffset | null = null;

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
        // One that was lost on the way is made anew, as long as it brings something.
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
      this.#clock ??= await clockOf(ssh, clock);
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
      if (!task.isDone) this.finish(task, { problem, files: [], missing: [], clock: this.#clock });
    }
  }

  private finish(task: Task, fetched: Fetched): void {
    task.isDone = true;
    this.options.onFetched(task.index, fetched);
  }

  private async fetchPlace(task: Task, sftp: Sftp): Promise<void> {
    const found = await this.orProblem(list(task, sftp));
    if ('problem' in found) {
      return this.finish(task, { problem: found.problem, files: [], missing: [], clock: this.#clock });
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
      // On a new connection it is all counted again.
      [this.files, this.totalFiles] = [filesBefore, totalBefore];
      throw error;
    }
    await removeParts(task.into);
    this.finish(task, { problem: null, files: files.flat(), missing, clock: this.#clock });
  }

  private async fetch(sftp: Sftp, { remote, local, entry }: File): Promise<void> {
    const onBytes = (bytes: number): void => void (this.bytes += bytes);
    if (await isThere(local, entry)) return;
    await onDisk(path.dirname(local), makeFolder);
    await sftp.download(remote, local, entry, onBytes);
  }

  /** What speaks of one path only, and leaves the connection as it is, is a result. */
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

async function clockOf(ssh: Ssh, clock: Clock): Promise<ClockOffset | null> {
  try {
    return await measureClock(ssh, clock);
  } catch (error) {
    // A machine that runs no commands may give files all the same.
    if (!isOfMachine(error) || error.retryable) throw error;
    return null;
  }
}

/** A file there, and its place here. */
interface File {
  remote: string;
  local: string;
  entry: Pick<RemoteEntry, 'sizeBytes' | 'modifiedSecs'>;
}

/** The files of a place. Names of the other machine are used only if they are exactly what we write ourselves. */
async function list({ kind, place, into }: Wanted, sftp: Sftp): Promise<File[]> {
  const root = place.path;
  const here = await sftp.stat(root);
  if (here.kind === 'file' && kind !== 'metrics') {
    return [{ remote: root, local: path.join(into, safeName(path.posix.basename(root))), entry: here }];
  }
  if (kind === 'faults') throw new ClusterError('not_reachable', `${root} is no file`);
  if (here.kind !== 'folder') throw new ClusterError('not_reachable', `${root} is no folder`);
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

/** Event files one level below. Folders that cannot be looked into are none of ours. */
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

/** Sorts as people count: 2 before 10. */
const BY_NUMBER = new Intl.Collator('en', { numeric: true });

/** A name of another machine as one that is harmless here; different names stay different. */
export function safeName(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 80);
  if (safe === name && !name.startsWith('.')) return name;
  return `${safe.replace(/^\.+/, '_')}_${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

async function isThere(local: string, { sizeBytes, modifiedSecs }: File['entry']): Promise<boolean> {
  const here = await stat(local).catch(() => null);
  return here !== null && here.isFile() && here.size === sizeBytes && Math.floor(here.mtimeMs / 1000) === modifiedSecs;
}

/** Beginnings of files that have changed since. */
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

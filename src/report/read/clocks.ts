/** Puts the times of all files on one clock (docs/decisions/0024-clocks-that-are-set.md). */
import type { MachineNow } from '../collect/machine-now';
import { SAME_CLOCK_MS } from '../../core/metrics/clock-watch';
import type { ClockNote } from '../../core/metrics/record';
import type { ClockChange } from '../report';

/**
 * Each process records times by its own clock, which never steps, and writes notes that relate it to the clocks of its
 * machine. *Start* below means the time at which the machine booted, by a given clock: it is constant unless that clock
 * is set.
 */

export type TimedNote = { time: number } & ClockNote;

/** Identifies the process that wrote a line: the run id of a load, or the ordinal of the process in its file. */
export type LifeKey = string | number;

/** The clock notes of one process. Times are Unix milliseconds of its own clock. */
export interface Life {
  key: LifeKey;
  /** Never empty. */
  notes: TimedNote[];
  /** The time of its last line. */
  lastMs: number;
}

export type WatchedKind = 'records' | 'events' | 'faults';

/** A file and its processes that wrote clock notes. */
export interface WatchedFile {
  path: string;
  kind: WatchedKind;
  /** The writer of the file, for messages. */
  who: string;
  /** The difference between the machine's wall clock and the report's, now; positive if ahead. */
  offsetMs: number;
  lives: Life[];
  /** Set if the file holds any data. */
  isUsed: boolean;
}

/** A period in which times may still be wrong despite all corrections. */
export interface ClockDoubt {
  kind: WatchedKind;
  /** Unix milliseconds. */
  from: number;
  to: number;
  why: string;
}

/** The milliseconds by which the clock of one process is ahead of the report's, at a time of its own clock. */
export interface LifeClock {
  offsetAt(timeMs: number): number;
}

export interface FileClock {
  of(key: LifeKey): LifeClock;
}

export interface Clocks {
  /** Returns the clock of the file, or of one that the same process wrote beside it. */
  of(path: string): FileClock;
  changes: ClockChange[];
  doubts: ClockDoubt[];
}

/** Reading a machine's clocks now is less exact than comparing two notes of one process. */
const SAME_MACHINE_MS = 50;
const SUSPENDED_MS = 100;
/** The longest delay between a clock change and the note about it: processes check once a second. */
const SEEN_WITHIN_MS = 1500;
/** The largest drift of a computer's oscillator; a larger change means that the clock was set. */
const MAX_DRIFT = 1e-4;
/** A total drift up to this raises no doubt about durations between two clocks. */
const MAX_DOUBT_MS = 50;

/** Returns a clock with a constant offset. */
export function fixedClock(offsetMs: number): FileClock {
  const life = { offsetAt: () => offsetMs };
  return { of: () => life };
}

/** Returns the common prefix (machine_1) of all files of a load. */
export function clockKeyOf(file: string): string {
  return file.replace(/_(requests\.ndjson|generator\.ndjson|run\.json)$/, '');
}

/** The processes of one file that ran during one boot of a machine; facts about that boot apply to all of them. */
interface Track {
  file: WatchedFile;
  bootId: string | null;
  lives: Life[];
}

export function alignClocks(files: readonly WatchedFile[], machines: readonly MachineNow[]): Clocks {
  const tracks = files.flatMap(tracksOf);
  const clocks = new Map<string, FileClock>();
  const changes: ClockChange[] = [];
  for (const file of files) {
    const lives = new Map<LifeKey, LifeClock>();
    for (const track of tracks.filter((each) => each.file === file)) {
      const startMs = latestStartMs(track, tracks, machines);
      const aligned = track.lives.map((life) => new AlignedLife(life, startMs, file.offsetMs));
      aligned.forEach((life) => lives.set(life.key, life));
      changes.push(...changesOf(track, aligned, startMs));
    }
    const others = { offsetAt: () => file.offsetMs };
    clocks.set(clockKeyOf(file.path), { of: (key) => lives.get(key) ?? others });
  }
  const fallback = fixedClock(0);
  return {
    of: (path) => clocks.get(clockKeyOf(path)) ?? fallback,
    changes,
    doubts: isOneMachine(files, tracks) ? [] : doubtsOf(files, changes),
  };
}

function tracksOf(file: WatchedFile): Track[] {
  const tracks: Track[] = [];
  for (const life of file.lives) {
    const bootId = life.notes[0]!.boot_id;
    const known = bootId === null ? undefined : tracks.find((track) => track.bootId === bootId);
    if (known) known.lives.push(life);
    else tracks.push({ file, bootId, lives: [life] });
  }
  for (const track of tracks) smooth(notesOf(track));
  return tracks;
}

/**
 * Suppresses changes of `suspended_ms` below 100 ms: uptime is inexact by that much, and real suspensions are longer.
 */
function smooth(notes: readonly TimedNote[]): void {
  let sleptMs = notes[0]!.suspended_ms;
  for (const note of notes) {
    if (note.suspended_ms - sleptMs >= SUSPENDED_MS) sleptMs = note.suspended_ms;
    note.suspended_ms = sleptMs;
  }
}

/**
 * Returns the machine's start by the latest known state of its wall clock: from the last note of the file, updated from
 * the longest-running file of the same machine, and then from the machine itself if it was queried.
 */
function latestStartMs(track: Track, tracks: readonly Track[], machines: readonly MachineNow[]): number {
  const own = startAtEnd(track);
  if (track.bootId === null) return own;
  const endMs = endOf(track);
  const later = tracks
    .filter((other) => other.bootId === track.bootId && beginOf(other) <= endMs && endOf(other) > endMs)
    .reduce<Track | null>((best, other) => (best === null || endOf(other) > endOf(best) ? other : best), null);
  const tailMs = later === null ? 0 : startAtEnd(later) - startAt(later, endMs);
  const last = Math.abs(tailMs) < SAME_CLOCK_MS ? own : own + tailMs;
  const { offsetMs } = track.file;
  const now = machines.find((machine) => machine.bootId === track.bootId && machine.offsetMs === offsetMs);
  return now === undefined || Math.abs(now.startMs - last) < SAME_MACHINE_MS ? last : now.startMs;
}

/** The machine's start by its wall clock. */
function startOf({ time, ahead_ms, machine_ms, suspended_ms }: TimedNote): number {
  return time + ahead_ms - machine_ms - suspended_ms;
}

function notesOf({ lives }: Track): TimedNote[] {
  return lives.flatMap(({ notes }) => notes);
}

function startAtEnd(track: Track): number {
  return startOf(track.lives.at(-1)!.notes.at(-1)!);
}

function startAt(track: Track, machineMs: number): number {
  const notes = notesOf(track);
  return startOf(notes.findLast(({ machine_ms }) => machine_ms <= machineMs) ?? notes[0]!);
}

function beginOf({ lives }: Track): number {
  return lives[0]!.notes[0]!.machine_ms;
}

/** The time of the last line, by the clock that all processes of the machine share. */
function endOf({ lives }: Track): number {
  const { notes, lastMs } = lives.at(-1)!;
  const [first] = notes;
  return Math.max(notes.at(-1)!.machine_ms, lastMs - first!.time + first!.machine_ms);
}

class AlignedLife implements LifeClock {
  readonly key: LifeKey;
  /** One span from the first line, and one from each suspension: the process's clock stops then, others do not. */
  private readonly spans: { from: number; offsetMs: number }[];

  constructor(
    readonly life: Life,
    startMs: number,
    offsetMs: number,
  ) {
    this.key = life.key;
    const [first] = life.notes as [TimedNote];
    const behindMs = startMs - (startOf(first) - first.ahead_ms);
    let offset = offsetMs - (Math.abs(behindMs) < SAME_CLOCK_MS ? 0 : behindMs);
    this.spans = [{ from: -Infinity, offsetMs: offset }];
    life.notes.forEach((note, index) => {
      const sleptMs = index === 0 ? 0 : note.suspended_ms - life.notes[index - 1]!.suspended_ms;
      if (sleptMs === 0) return;
      offset -= sleptMs;
      this.spans.push({ from: note.time, offsetMs: offset });
    });
  }

  offsetAt(timeMs: number): number {
    const spans = this.spans;
    let at = spans.length - 1;
    while (timeMs < spans[at]!.from) at -= 1;
    return spans[at]!.offsetMs;
  }

  alignedMs(timeMs: number): number {
    return timeMs - this.offsetAt(timeMs);
  }
}

function changesOf({ file, lives }: Track, aligned: readonly AlignedLife[], startMs: number): ClockChange[] {
  const changes: ClockChange[] = [];
  const add = (kind: ClockChange['kind'], byMs: number, at: number, seen: ClockChange['seen'] = 'as it happened') =>
    changes.push({ who: file.who, file: file.path, kind, by_ms: Math.round(byMs), seen, at });
  lives.forEach(({ notes }, number) => {
    const before = lives[number - 1];
    const unseenMs = before === undefined ? 0 : startOf(notes[0]!) - startOf(before.notes.at(-1)!);
    if (Math.abs(unseenMs) >= SAME_CLOCK_MS) add('set', unseenMs, aligned[number]!.alignedMs(notes[0]!.time), 'before');
    notes.slice(1).forEach((note, index) => {
      const at = aligned[number]!.alignedMs(note.time);
      const last = notes[index]!;
      const sleptMs = note.suspended_ms - last.suspended_ms;
      if (sleptMs > 0) add('suspended', sleptMs, at);
      const byMs = startOf(note) - startOf(last);
      const driftMs = (note.machine_ms - last.machine_ms) * MAX_DRIFT;
      if (Math.abs(byMs) >= SAME_CLOCK_MS) add(Math.abs(byMs) > driftMs ? 'set' : 'drifted', byMs, at);
    });
  });
  const last = lives.at(-1)!;
  const afterMs = startMs - startOf(last.notes.at(-1)!);
  if (Math.abs(afterMs) >= SAME_CLOCK_MS) add('set', afterMs, aligned.at(-1)!.alignedMs(last.lastMs), 'after');
  return changes;
}

/** Returns true if all times come from one monotonic clock, so that changes of wall clocks do not matter. */
function isOneMachine(files: readonly WatchedFile[], tracks: readonly Track[]): boolean {
  const used = files.filter(({ isUsed }) => isUsed);
  const boots = new Set(tracks.map(({ bootId }) => bootId));
  return used.every(({ lives }) => lives.length > 0) && boots.size <= 1 && !boots.has(null);
}

function doubtsOf(files: readonly WatchedFile[], changes: readonly ClockChange[]): ClockDoubt[] {
  const always = { from: -Infinity, to: Infinity };
  return files.flatMap((file): ClockDoubt[] => {
    const { kind, who } = file;
    const own = changes.filter((change) => change.file === file.path);
    const driftMs = own.reduce((sum, change) => sum + (change.kind === 'drifted' ? Math.abs(change.by_ms) : 0), 0);
    const doubts: ClockDoubt[] = own
      .filter((change) => change.kind === 'suspended')
      .map(({ at, by_ms }) => ({
        kind,
        from: at - by_ms - SEEN_WITHIN_MS,
        to: at,
        why: `the machine of ${who} was suspended at that time`,
      }));
    if (driftMs > MAX_DOUBT_MS) {
      doubts.push({ kind, ...always, why: `the clock of ${who} drifted by ${Math.round(driftMs)} ms` });
    }
    // A file without notes is no better: its machine's clock was set, and it does not say when its lines were written.
    const isOfSuch = changes.some((change) => isOfOneMachine(file, files, change));
    if (file.isUsed && file.lives.length === 0 && isOfSuch) {
      doubts.push({ kind, ...always, why: `a clock was set, and ${who} wrote no clock notes` });
    }
    return doubts;
  });
}

function isOfOneMachine(file: WatchedFile, files: readonly WatchedFile[], change: ClockChange): boolean {
  if (change.kind === 'suspended') return false;
  return files.some(({ path, offsetMs }) => path === change.file && offsetMs === file.offsetMs);
}

/** Reads the clock notes of all files and aligns their clocks. */
import type { ServerEvent } from '../../../core/metrics/record';
import { alignClocks, clockKeyOf } from '../clocks';
import type { Clocks, Life, LifeKey, TimedNote, WatchedFile } from '../clocks';
import type { Collected, PlacedFile } from '../../collect/collect';
import type { MachineNow } from '../../collect/machine-now';
import { readLines } from './file-lines';
import { parseEvent, parseFault, parseGeneratorSample } from '../parse-line';
import { literalOf, LineCursor } from '../fast-parse-line';

export interface ClockSources {
  collected: readonly Pick<Collected, 'offsetMs' | 'recordFiles' | 'generatorFiles' | 'runFiles'>[];
  faults: PlacedFile | null;
  events: readonly PlacedFile[];
  machines: readonly MachineNow[];
}

/** Limit for each file; beyond it, each new note replaces the last one. */
const MAX_NOTES = 10_000;
const NEWLINE = 0x0a;
const DOT = 0x2e;
const ZERO = 0x30;
const TIME_CHARS = '{"time":'.length;
const KEYS = {
  serverId: literalOf(',"server_id":'),
  started: literalOf(',"event":"started"'),
  clock: literalOf(',"event":"clock"'),
};

/** Ignores damaged lines, which the other readers report. */
export function readClocks({ collected, faults, events, machines }: ClockSources): Clocks {
  const files: WatchedFile[] = [];
  for (const { offsetMs, recordFiles, generatorFiles, runFiles } of collected) {
    const keys = new Set([...recordFiles, ...generatorFiles, ...runFiles].map(clockKeyOf));
    const has = (all: readonly string[], key: string) => all.find((file) => clockKeyOf(file) === key);
    for (const key of keys) {
      const notes = has(generatorFiles, key);
      const records = has(recordFiles, key);
      files.push({
        path: records ?? key,
        kind: 'records',
        who: `the load of machine ${/\d+$/.exec(key)![0]}`,
        offsetMs,
        lives: notes === undefined ? [] : livesOfLoad(notes),
        isUsed: records !== undefined,
      });
    }
  }
  if (faults !== null) {
    const { lives, lines } = livesOfFaults(faults.path);
    files.push({ ...faults, kind: 'faults', who: 'the faults', lives, isUsed: lines > 0 });
  }
  for (const file of events) files.push({ ...file, kind: 'events', ...livesOfServer(file.path) });
  return alignClocks(files, machines);
}

/** Collects the clock notes of each process of a file. */
class LifeList {
  readonly lives: Life[] = [];
  private count = 0;

  constructor(private readonly key: (note: TimedNote) => LifeKey) {}

  note(note: TimedNote): void {
    const key = this.key(note);
    let life = this.lives.at(-1)?.key === key ? this.lives.at(-1) : this.lives.find((each) => each.key === key);
    if (life === undefined) this.lives.push((life = { key, notes: [], lastMs: note.time }));
    if (life.notes.length > 1 && this.count >= MAX_NOTES) life.notes.pop();
    this.count += 1;
    life.notes.push(note);
    life.lastMs = note.time;
  }

  /** Records the time of the process's latest line. */
  line(key: LifeKey, timeMs: number): void {
    const life = this.lives.at(-1);
    if (life?.key === key && timeMs > life.lastMs) life.lastMs = timeMs;
  }
}

function livesOfLoad(file: string): Life[] {
  let runId = '';
  const list = new LifeList(() => runId);
  readLines(file, {
    problem: () => undefined,
    line(text) {
      const parsed = parseGeneratorSample(text);
      if (!('ok' in parsed)) return;
      runId = parsed.ok.run_id;
      if ('event' in parsed.ok) list.note(parsed.ok);
      else list.line(runId, parsed.ok.time);
    },
  });
  return list.lives;
}

/** A controller's first note starts a new life; lines before any note belong to life 0. */
function livesOfFaults(file: string): { lives: Life[]; lines: number } {
  let number = 0;
  let lines = 0;
  const list = new LifeList(() => number);
  readLines(file, {
    problem: () => undefined,
    line(text) {
      const parsed = parseFault(text);
      if (!('ok' in parsed)) return;
      if (!('event' in parsed.ok)) {
        lines += 1;
        return list.line(number, parsed.ok.time);
      }
      if (parsed.ok.by_ms === null) number += 1;
      list.note(parsed.ok);
    },
  });
  return { lives: list.lives, lines };
}

/** A server's life begins with `started`. Only that event and clock notes are parsed: event files are long. */
function livesOfServer(file: string): Pick<WatchedFile, 'who' | 'lives' | 'isUsed'> {
  let number = 0;
  let serverId: number | undefined;
  const list = new LifeList(() => number);
  const cursor = new LineCursor(1);
  const take = (event: ServerEvent): void => {
    serverId ??= event.server_id;
    if (event.event === 'started') number += 1;
    else if (event.event === 'clock') list.note(event);
  };
  readLines(file, {
    problem: () => undefined,
    bytes(block, from) {
      const { at, ms } = wholeMs(block, from + TIME_CHARS);
      cursor.begin(block, at);
      const id = cursor.count(KEYS.serverId);
      if (!cursor.isLost) {
        serverId ??= id;
        if (cursor.has(KEYS.started) || cursor.has(KEYS.clock)) return -1;
        list.line(number, ms);
      }
      return block.indexOf(NEWLINE, from);
    },
    line(text) {
      const parsed = parseEvent(text);
      if ('ok' in parsed) take(parsed.ok);
    },
  });
  return {
    who: serverId === undefined ? file : `server ${serverId}`,
    lives: list.lives,
    isUsed: serverId !== undefined,
  };
}

/** Parses the whole part of a number and finds its end; servers write more fraction digits than are exact. */
function wholeMs(block: Buffer, from: number): { at: number; ms: number } {
  let at = from;
  let ms = 0;
  const digit = (): number => block[at]! - ZERO;
  for (; digit() >= 0 && digit() <= 9; at++) ms = ms * 10 + digit();
  if (block[at] === DOT) for (at++; digit() >= 0 && digit() <= 9; at++);
  return { at, ms };
}

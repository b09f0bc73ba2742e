/** Finds the files of a run in local folders, by their names. */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { RUN_FILE_SHAPES } from '../../core/metrics/run-file-names';
import { causeOf } from '../../files/cause';

/** A file or folder. If it is missing, the report is incomplete only if the user named it. */
export interface Place {
  path: string;
  required: boolean;
  /**
   * The offset in milliseconds of the clock of the machine that wrote it; positive if ahead of this one's. Default: 0.
   */
  offsetMs?: number;
}

/** A file to read, and how far its machine's clock is ahead of this one's. */
export interface PlacedFile {
  path: string;
  offsetMs: number;
}

/** The files in one client machine's folder. */
export interface Collected {
  /** The folder as the user named it. */
  source: string;
  /** null if its files can be read. */
  problem: string | null;
  /** See `Place`. */
  offsetMs: number;
  recordFiles: string[];
  clientFiles: string[];
  generatorFiles: string[];
  runFiles: string[];
}

const EVENTS = /^server_\d{1,9}_events\.ndjson$/;

/** Finds the metrics of client machines in local folders, which are read in place. */
export function collectLocal(folders: readonly string[]): Collected[] {
  const seen = new Set<string>();
  return folders.map((source) => {
    const listed = namesIn(source);
    if ('problem' in listed) return failed(source, listed.problem);
    const real = realpathSync(source);
    if (seen.has(real)) return failed(source, 'is the same folder as an earlier one');
    seen.add(real);
    return filesOf(source, listed.names, (name) => path.join(source, name));
  });
}

/** Sorts the file names of a folder by kind; `pathOf` returns the path of one. */
export function filesOf(source: string, names: readonly string[], pathOf: (name: string) => string): Collected {
  const files = (shape: RegExp): string[] => names.filter((name) => shape.test(name)).map(pathOf);
  const [recordFiles, clientFiles] = [files(RUN_FILE_SHAPES.recordFiles), files(RUN_FILE_SHAPES.clientFiles)];
  if (recordFiles.length + clientFiles.length === 0) return failed(source, 'has no metrics files');
  const more = { generatorFiles: files(RUN_FILE_SHAPES.generatorFiles), runFiles: files(RUN_FILE_SHAPES.runFiles) };
  return { source, problem: null, offsetMs: 0, recordFiles, clientFiles, ...more };
}

export function isMetricsFile(name: string): boolean {
  return Object.values(RUN_FILE_SHAPES).some((shape) => shape.test(name));
}

export function isEventFile(name: string): boolean {
  return EVENTS.test(name);
}

/**
 * Finds event files: those named, and those in or one level below the named folders. `missing` lists absent required
 * ones.
 */
export function findEventFiles(places: readonly Place[]): { files: PlacedFile[]; missing: string[] } {
  const files = new Map<string, PlacedFile>();
  const missing: string[] = [];
  for (const place of places) {
    const found = eventFilesAt(place.path);
    if ('problem' in found) {
      if (place.required) missing.push(`${place.path}: ${found.problem}`);
    } else for (const file of found.files) files.set(realpathSync(file), { path: file, offsetMs: place.offsetMs ?? 0 });
  }
  return { files: [...files.values()], missing };
}

function eventFilesAt(place: string): { files: string[] } | { problem: string } {
  try {
    if (!statSync(place).isDirectory()) return { files: [place] };
  } catch (error) {
    return { problem: causeOf(error) };
  }
  const listed = namesIn(place);
  if ('problem' in listed) return listed;
  const files = listed.names.flatMap((name) => {
    const inside = path.join(place, name);
    if (EVENTS.test(name)) return [inside];
    const below = namesIn(inside);
    return 'problem' in below
      ? []
      : below.names.filter((each) => EVENTS.test(each)).map((each) => path.join(inside, each));
  });
  return { files };
}

export function failed(source: string, problem: string): Collected {
  return { source, problem, offsetMs: 0, recordFiles: [], clientFiles: [], generatorFiles: [], runFiles: [] };
}

/** Sorts numbers by value: 2 before 10. */
export const BY_NUMBER = new Intl.Collator('en', { numeric: true });

function namesIn(folder: string): { names: string[] } | { problem: string } {
  try {
    return { names: readdirSync(folder).sort(BY_NUMBER.compare) };
  } catch (error) {
    return { problem: causeOf(error) };
  }
}

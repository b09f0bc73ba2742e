import { readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { causeOf } from '../files/cause';

/** A file or folder; a missing one is a gap in the report only where the user named it. */
export interface Place {
  path: string;
  required: boolean;
}

/** What one client machine's folder holds. */
export interface Collected {
  /** As the user wrote it. */
  source: string;
  /** null: its files can be read. */
  problem: string | null;
  recordFiles: string[];
  clientFiles: string[];
}

const RECORDS = /^machine_\d+_requests\.ndjson$/;
const CLIENT = /^machine_\d+_client_\d+\.json$/;
const EVENTS = /^server_\d+_events\.ndjson$/;

/** The metrics of client machines in folders of this machine, which are read in place. */
export function collectLocal(folders: readonly string[]): Collected[] {
  const seen = new Set<string>();
  return folders.map((source) => {
    const listed = namesIn(source);
    if ('problem' in listed) return failed(source, listed.problem);
    const real = realpathSync(source);
    if (seen.has(real)) return failed(source, 'is a folder that was named before');
    seen.add(real);
    const files = (shape: RegExp) =>
      listed.names.filter((name) => shape.test(name)).map((name) => path.join(source, name));
    const found = { recordFiles: files(RECORDS), clientFiles: files(CLIENT) };
    if (found.recordFiles.length + found.clientFiles.length === 0) return failed(source, 'has no metrics files');
    return { source, problem: null, ...found };
  });
}

/** Event files: those named, and those in the folders named or one level below. Required ones that are missing, by name. */
export function findEventFiles(places: readonly Place[]): { files: string[]; missing: string[] } {
  const files = new Map<string, string>();
  const missing: string[] = [];
  for (const place of places) {
    const found = eventFilesAt(place.path);
    if ('problem' in found) {
      if (place.required) missing.push(`${place.path}: ${found.problem}`);
    } else for (const file of found.files) files.set(realpathSync(file), file);
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

function failed(source: string, problem: string): Collected {
  return { source, problem, recordFiles: [], clientFiles: [] };
}

/** Sorts as people count: 2 before 10. */
const BY_NUMBER = new Intl.Collator('en', { numeric: true });

function namesIn(folder: string): { names: string[] } | { problem: string } {
  try {
    return { names: readdirSync(folder).sort(BY_NUMBER.compare) };
  } catch (error) {
    return { problem: causeOf(error) };
  }
}

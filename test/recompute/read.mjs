/** Reads the files of a run for the independent recomputation of its report. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** Returns the valid lines of a file of JSON lines; other lines are ignored. */
function linesOf(file) {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        const value = JSON.parse(line);
        return value !== null && typeof value === 'object' ? [value] : [];
      } catch {
        return [];
      }
    });
}

/** Returns the content of a JSON file, or nothing if it is not valid. */
function jsonOf(file) {
  try {
    return [JSON.parse(readFileSync(file, 'utf8'))];
  } catch {
    return [];
  }
}

/** Returns the event files at a path: the file itself, or those in the folder and one level below. */
function eventFiles(place) {
  if (!existsSync(place)) return [];
  if (statSync(place).isFile()) return [place];
  const below = readdirSync(place, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [place, ...below.map((entry) => path.join(place, entry.name))].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /^server_\d+_events\.ndjson$/.test(name))
      .map((name) => path.join(folder, name)),
  );
}

/** Returns the first of some paths that exists. */
function firstThatExists(...files) {
  return files.find((file) => file !== undefined && existsSync(file));
}

/**
 * Returns the parsed content of a folder of records. Without `events` and `faults` these are looked for in the folder
 * and in the one above it, where `cloudp2p run` leaves them.
 */
export function readRun(folder, { events, faults } = {}) {
  const above = path.dirname(path.resolve(folder));
  const names = readdirSync(folder);
  const matching = (shape) =>
    names
      .filter((name) => shape.test(name))
      .map((name) => ({ file: path.join(folder, name), machine_id: Number(/^machine_(\d+)_/.exec(name)[1]) }));
  const lines = (shape) =>
    matching(shape).flatMap(({ file, machine_id }) => linesOf(file).map((line) => ({ ...line, machine_id })));
  const whole = (shape) =>
    matching(shape).flatMap(({ file, machine_id }) => jsonOf(file).map((content) => ({ ...content, machine_id })));

  const own = eventFiles(folder);
  const found = events !== undefined ? eventFiles(events) : own.length > 0 ? own : eventFiles(above);
  const faultFile = firstThatExists(
    faults,
    ...(faults === undefined
      ? [path.join(folder, 'fault_events.ndjson'), path.join(above, 'fault_events.ndjson')]
      : []),
  );
  const runFile = firstThatExists(path.join(folder, 'run.json'), path.join(above, 'run.json'));
  return {
    records: lines(/^machine_\d+_requests\.ndjson$/),
    generator: lines(/^machine_\d+_generator\.ndjson$/),
    clientFiles: whole(/^machine_\d+_client_\d+\.json$/),
    runFiles: whole(/^machine_\d+_run\.json$/),
    events: found.flatMap(linesOf),
    faults: faultFile === undefined ? [] : linesOf(faultFile),
    servers: runFile === undefined ? undefined : jsonOf(runFile)[0]?.servers,
  };
}

import { existsSync } from 'node:fs';
import { type Collected, findEventFiles, type Place } from './collect';
import { emptyInputs, type Inputs } from './inputs';
import { readClients } from './read-clients';
import { readEvents, readFaults } from './read-events';
import { checkRunFound, readRequests, type RunChoice } from './read-requests';
import { Tasks } from './task-marks';

export interface ReadOptions {
  /** What `collectLocal` found. */
  collected: readonly Collected[];
  faults: Place | null;
  /** Event files, or folders with some. */
  events: readonly Place[];
  /** Default: of each machine's records the newest run. */
  runs?: RunChoice;
}

/**
 * Reads everything in bounded memory. Damage is never fatal: what is good counts, what is bad is named.
 * @throws ClusterError `bad_usage` if the run that was asked for is in no file
 */
export function readInputs({ collected, faults, events, runs = { take: 'newest' } }: ReadOptions): Inputs {
  const inputs = emptyInputs(new Tasks());
  for (const { source, problem } of collected) if (problem !== null) inputs.missing.push(`${source}: ${problem}`);
  if (faults !== null && (faults.required || existsSync(faults.path))) readFaults(faults.path, inputs);
  for (const { recordFiles } of collected) for (const file of recordFiles) readRequests(file, runs, inputs);
  readClients(
    collected.flatMap(({ clientFiles }) => clientFiles),
    runs,
    inputs,
  );
  checkRunFound(runs, inputs);
  const found = findEventFiles(events);
  inputs.missing.push(...found.missing);
  readEvents(found.files, inputs);
  return inputs;
}

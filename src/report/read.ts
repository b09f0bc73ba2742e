import { existsSync } from 'node:fs';
import { type Collected, findEventFiles, type Place } from './collect';
import { findCutRuns } from './cut-runs';
import { emptyInputs, type Inputs } from './inputs';
import { readClients } from './read-clients';
import { readEvents, readFaults } from './read-events';
import { readGenerator, readRunFile } from './read-generator';
import { checkRunFound, readRequests, type RunChoice } from './read-requests';
import { Tasks } from './task-marks';

export interface ReadOptions {
  /** What was found of each client machine. */
  collected: readonly Collected[];
  faults: Place | null;
  /** Event files, or folders with some. */
  events: readonly Place[];
  /** What collecting already knows. */
  known?: Pick<Inputs, 'clocks' | 'uncompared' | 'missing' | 'notes'>;
  /** Default: of each machine's records the newest run. */
  runs?: RunChoice;
}

/**
 * Reads everything in bounded memory. Damage is never fatal: what is good counts, what is bad is named.
 * @throws ClusterError `bad_usage` if the run that was asked for is in no file
 */
export function readInputs({ collected, faults, events, known, runs = { take: 'newest' } }: ReadOptions): Inputs {
  const inputs = emptyInputs(new Tasks());
  inputs.clocks.push(...(known?.clocks ?? []));
  inputs.uncompared.push(...(known?.uncompared ?? []));
  for (const { source, problem } of collected) if (problem !== null) inputs.missing.push(`${source}: ${problem}`);
  inputs.missing.push(...(known?.missing ?? []));
  inputs.notes.push(...(known?.notes ?? []));
  if (faults !== null && (faults.required || existsSync(faults.path))) readFaults(faults.path, inputs, faults);
  for (const { recordFiles, offsetMs } of collected) {
    for (const file of recordFiles) readRequests(file, runs, inputs, { offsetMs });
  }
  const summarized = readClients(
    collected.flatMap(({ clientFiles }) => clientFiles),
    runs,
    inputs,
  );
  checkRunFound(runs, inputs);
  for (const { generatorFiles, runFiles, offsetMs } of collected) {
    for (const file of generatorFiles) readGenerator(file, inputs, { offsetMs });
    for (const file of runFiles) readRunFile(file, inputs, { offsetMs });
  }
  findCutRuns(inputs, summarized);
  const found = findEventFiles(events);
  inputs.missing.push(...found.missing);
  readEvents(found.files, inputs);
  return inputs;
}

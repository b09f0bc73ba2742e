/** Reads all files of a report in bounded memory. */
import { existsSync } from 'node:fs';
import { type Collected, findEventFiles, type Place, type PlacedFile } from '../../collect/collect';
import { findCutRuns } from '../cut-runs';
import { findGaps } from '../gaps';
import { emptyInputs, type Inputs } from '../inputs';
import type { MachineNow } from '../../collect/machine-now';
import { readClocks } from './read-clocks';
import { readClients } from './read-clients';
import { readEvents, readFaults } from './read-events';
import { readGenerator, readRunFile, plansOf } from './read-generator';
import { checkRunFound, readRequests, type RunChoice } from './read-requests';
import { TaskFlags } from '../task-flags';

export interface ReadOptions {
  /** The files found for each client machine. */
  collected: readonly Collected[];
  faults: Place | null;
  /** The file of faults was on another machine, and could not be fetched. */
  areFaultsLost?: boolean;
  /** Event files, or folders that contain some. */
  events: readonly Place[];
  /** Results of the collection. */
  known?: Pick<Inputs, 'clocks' | 'uncompared' | 'missing' | 'notes'>;
  /** The current clocks of the machines that were queried. */
  machines?: readonly MachineNow[];
  /** Default: the newest run in each machine's records. */
  runs?: RunChoice;
}

/**
 * Damage is never fatal: valid lines count, damaged ones are reported.
 * @throws ClusterError `bad_usage` if no file has the requested run
 */
export function readInputs(options: ReadOptions): Inputs {
  const { collected, faults, events, known, machines = [], runs = { take: 'newest' } } = options;
  const inputs = emptyInputs(new TaskFlags());
  inputs.clocks.push(...(known?.clocks ?? []));
  inputs.uncompared.push(...(known?.uncompared ?? []));
  for (const { source, problem } of collected) if (problem !== null) inputs.missing.push(`${source}: ${problem}`);
  inputs.missing.push(...(known?.missing ?? []));
  inputs.notes.push(...(known?.notes ?? []));
  const faultFile = faults !== null && (faults.required || existsSync(faults.path)) ? placed(faults) : null;
  const found = findEventFiles(events);
  const clocks = readClocks({ collected, faults: faultFile, events: found.files, machines });
  inputs.clockChanges.push(...clocks.changes);
  inputs.clockDoubts.push(...clocks.doubts);
  if (faultFile !== null) readFaults(faultFile.path, inputs, clocks.of(faultFile.path));
  inputs.areFaultsMissing = options.areFaultsLost === true || (faultFile !== null && inputs.faults === null);
  for (const { recordFiles, runFiles } of collected) {
    const plans = plansOf(runFiles);
    for (const file of recordFiles) readRequests(file, runs, inputs, clocks.of(file), plans);
  }
  const summarized = readClients(
    collected.flatMap(({ clientFiles }) => clientFiles),
    runs,
    inputs,
  );
  checkRunFound(runs, inputs);
  for (const { generatorFiles, runFiles } of collected) {
    for (const file of generatorFiles) readGenerator(file, inputs, clocks.of(file));
    for (const file of runFiles) readRunFile(file, inputs, clocks.of(file));
  }
  findCutRuns(inputs, summarized);
  inputs.missing.push(...found.missing);
  readEvents(
    found.files.map(({ path }) => path),
    inputs,
    clocks,
  );
  findGaps(inputs);
  return inputs;
}

function placed({ path, offsetMs = 0 }: Place): PlacedFile {
  return { path, offsetMs };
}

/** Lists what cannot be verified because evidence is missing, as far as other files show it. */
import { counted, serversText } from '../../core/counted';
import type { FaultWindow } from './fault-windows';
import type { LostSamples } from '../read/lost-samples';
import type { ServerLife } from '../read/inputs';
import { type GeneratorSeries, NO_FAULT_FILE } from '../report';

export const NO_USUAL_LATENCY = 'it sent late or stood still, and the usual latency before the faults is not known';

/** Returns the machines whose generator may have been the bottleneck, though no sample of it is lost. */
export function unsureGenerators({ generators, lost }: Pick<Evidence, 'generators' | 'lost'>): number[] {
  const hasLost = (id: number): boolean => lost.some(({ machineId }) => machineId === id);
  return generators.flatMap(({ machine_id: id, saturated }) => (saturated === null && !hasLost(id) ? [id] : []));
}

export interface Evidence {
  lost: readonly LostSamples[];
  generators: readonly Pick<GeneratorSeries, 'machine_id' | 'saturated'>[];
  /** Requests that were due when their load did not run, by its run file. */
  strayCount: number;
  /** Requests with two records that differ. */
  conflictCount: number;
  /** Lines of records that tell of no request, or of one that the load cannot have had. */
  damagedCount: number;
  /** Clients whose own sums differ from their records. */
  differingClients: number;
  faults: readonly FaultWindow[];
  /** Lines of the file of faults are damaged. */
  areFaultsDamaged: boolean;
  /** Faults may have been made, but there is no file of them. */
  areFaultsMissing: boolean;
  /** Lives that began without a fault that explains it. */
  restarts: readonly ServerLife[];
}

/** Returns one text for each; none if all is there. */
export function doubtsOf({
  lost,
  generators,
  strayCount,
  conflictCount,
  damagedCount,
  differingClients,
  faults,
  areFaultsDamaged,
  areFaultsMissing,
  restarts,
}: Evidence): string[] {
  const isIncomplete = faults.some(({ missing }) => missing !== null);
  const unsure = unsureGenerators({ generators, lost });
  const again = [...new Set(restarts.map(({ serverId }) => serverId))];
  return [
    ...lost.map(
      ({ machineId, sampled, recorded }) =>
        `whether the load generator of machine ${machineId} kept up (its samples tell of ${sampled} of its ${recorded} requests)`,
    ),
    ...(unsure.length > 0
      ? [`whether the load generator of machine ${unsure.join(', ')} kept up (${NO_USUAL_LATENCY})`]
      : []),
    ...(strayCount > 0
      ? [
          `when ${counted(strayCount, 'request')} ${strayCount === 1 ? 'was' : 'were'} due (not while the load ran, by its run file)`,
        ]
      : []),
    ...(conflictCount > 0
      ? [`which record of ${counted(conflictCount, 'request')} is true (there are two that differ)`]
      : []),
    ...(damagedCount > 0
      ? [
          `which requests there were (${counted(damagedCount, 'line')} of records ${damagedCount === 1 ? 'is' : 'are'} damaged)`,
        ]
      : []),
    ...(differingClients > 0
      ? [`what ${counted(differingClients, 'client')} measured (their own sums differ from their records)`]
      : []),
    ...(areFaultsMissing ? [`which faults were made (${NO_FAULT_FILE})`] : []),
    ...(areFaultsDamaged ? ['which faults were made (lines of the file of faults are damaged)'] : []),
    ...(isIncomplete && !areFaultsDamaged ? ['which faults were made (a line is missing in the file of faults)'] : []),
    ...(again.length > 0 ? [`why ${serversText(again)} started again (no fault in the file explains it)`] : []),
  ];
}

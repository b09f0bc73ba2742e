/** Lists what cannot be verified because evidence is missing, as far as other files show it. */
import { counted, serversText } from '../../core/counted';
import type { FaultWindow } from './fault-windows';
import type { LostSamples } from '../read/lost-samples';
import type { ServerLife } from '../read/inputs';
import { NO_FAULT_FILE } from '../report';

export interface Evidence {
  lost: readonly LostSamples[];
  /** Requests that were due when their load did not run, by its run file. */
  strayCount: number;
  /** Requests with two records, of which only one tells of a success. */
  conflictCount: number;
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
  strayCount,
  conflictCount,
  faults,
  areFaultsDamaged,
  areFaultsMissing,
  restarts,
}: Evidence): string[] {
  const isIncomplete = faults.some(({ missing }) => missing !== null);
  const again = [...new Set(restarts.map(({ serverId }) => serverId))];
  return [
    ...lost.map(
      ({ machineId, sampled, recorded }) =>
        `whether the load generator of machine ${machineId} kept up (its samples tell of ${sampled} of its ${recorded} requests)`,
    ),
    ...(strayCount > 0
      ? [
          `when ${counted(strayCount, 'request')} ${strayCount === 1 ? 'was' : 'were'} due (not while the load ran, by its run file)`,
        ]
      : []),
    ...(conflictCount > 0
      ? [`whether ${counted(conflictCount, 'request')} succeeded (two records, of which only one says so)`]
      : []),
    ...(areFaultsMissing ? [`which faults were made (${NO_FAULT_FILE})`] : []),
    ...(areFaultsDamaged ? ['which faults were made (lines of the file of faults are damaged)'] : []),
    ...(isIncomplete && !areFaultsDamaged ? ['which faults were made (a line is missing in the file of faults)'] : []),
    ...(again.length > 0 ? [`why ${serversText(again)} started again (no fault in the file explains it)`] : []),
  ];
}

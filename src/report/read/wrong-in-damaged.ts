/** Finds wrong carriers in lines of records that are damaged elsewhere: they are red, whatever else is lost. */
import { VERIFICATION_FAILED } from '../../core/metrics/failure-reasons';
import { OTHER_SERVERS } from '../../core/metrics/servers';

/** A wrong carrier, and the run that its line names. */
export interface WrongInLine {
  runId: string;
  /** `OTHER_SERVERS` for an unknown one. */
  serverId: number;
}

/** Returns none for a line that does not tell its run. */
export function wrongInDamaged(line: string): WrongInLine[] {
  const runId = /"run_id":"([\w-]{1,100})"/.exec(line)?.[1];
  if (runId === undefined) return [];
  const list = /"wrong_carriers":\[([\dnul,]{1,1000})\]/.exec(line)?.[1];
  if (list !== undefined) {
    return list.split(',').map((id) => ({ runId, serverId: /^\d{1,15}$/.test(id) ? Number(id) : OTHER_SERVERS }));
  }
  const hasFailed = line.includes(`"failure_reason":"${VERIFICATION_FAILED}"`);
  return hasFailed ? [{ runId, serverId: OTHER_SERVERS }] : [];
}

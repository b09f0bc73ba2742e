/** Tallies the outcomes of requests, of one client or a whole run; with a log, each has a line in it. */
import type { Logger } from '../core/environment';
import type { RequestRecord } from '../core/metrics/record';
import { Summary } from '../core/metrics/summary';

export class Tally {
  readonly summary = new Summary();
  interruptedCount = 0;
  unsentCount = 0;
  /** Those of the interrupted that are undecided because this process stood still. */
  stoodStillCount = 0;

  constructor(private readonly log?: Logger) {}

  add(record: RequestRecord): void {
    this.summary.add(record);
    if (record.outcome === 'interrupted') this.interruptedCount += 1;
    if (record.outcome === 'interrupted' && record.failure_reason !== null) this.stoodStillCount += 1;
    if (record.outcome === 'unsent') this.unsentCount += 1;
    if (this.log) logRecord(record, this.log);
  }
}

function logRecord(record: RequestRecord, log: Logger): void {
  const { request_id, image, outcome, failure_reason, assigned_server_id, latency_ms, retry_count, hedged } = record;
  const server = assigned_server_id === null ? 'no server' : `server ${assigned_server_id}`;
  const extras = `${retry_count > 0 ? `, ${retry_count} retries` : ''}${hedged ? ', hedged' : ''}`;
  const how = `${image}, ${server}, ${latency_ms.toFixed(1)} ms${extras}`;
  if (outcome === 'failure') log('error', `request ${request_id} failed: ${failure_reason} (${how})`);
  else if (outcome === 'success' && (retry_count > 0 || hedged)) log('warn', `request ${request_id} done (${how})`);
  else if (failure_reason !== null) log('warn', `request ${request_id} undecided: ${failure_reason} (${how})`);
  else log('debug', `request ${request_id} ${outcome === 'success' ? 'done' : outcome} (${how})`);
}

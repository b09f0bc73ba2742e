import type { FaultEvent, ServerEvent } from '../core/metrics/record';
import type { Inputs } from './inputs';
import { parseEvent, parseFault } from './parse-line';
import { readRecords } from './read-file';

const KEPT: readonly ServerEvent['event'][] = ['started', 'election', 'leader', 'stepped_down', 'peer_down', 'stopped'];

/** Reads fault_events.ndjson. */
export function readFaults(file: string, inputs: Inputs): void {
  const faults: FaultEvent[] = [];
  const { unreadable, ...read } = readRecords(file, 'faults', parseFault, (fault) => void faults.push(fault));
  inputs.files.push(read);
  if (unreadable) return void inputs.missing.push(`${file}: ${read.problems[0]}`);
  inputs.faults = faults.sort((a, b) => a.time - b.time);
}

/** Reads server_{id}_events.ndjson files; after records and faults, which say which executions matter. */
export function readEvents(files: readonly string[], inputs: Inputs): void {
  const events: ServerEvent[] = [];
  const serverIds = new Set<number>();
  for (const file of files) {
    const { unreadable, ...read } = readRecords(file, 'events', parseEvent, (event) => {
      serverIds.add(event.server_id);
      if (KEPT.includes(event.event)) events.push(event);
      else if (event.event === 'executed' && event.outcome === 'answered') execute(event, inputs);
    });
    inputs.files.push(read);
    if (unreadable) inputs.missing.push(`${file}: ${read.problems[0]}`);
  }
  if (serverIds.size > 0) inputs.events = events.sort((a, b) => a.time - b.time);
  inputs.eventServerIds = [...serverIds].sort((a, b) => a - b);
}

function execute(event: Extract<ServerEvent, { event: 'executed' }>, inputs: Inputs): void {
  const tasks = inputs.tasks.find(event.run_id ?? '', event.client_name);
  if (tasks === undefined) return;
  inputs.executions += 1;
  tasks.execute(event.request_id);
}

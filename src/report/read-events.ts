import type { FaultEvent, ServerEvent } from '../core/metrics/record';
import type { Inputs } from './inputs';
import { parseEvent, parseFault } from './parse-line';
import { readRecords } from './read-file';

/** A server writes its events at least this often; a killed one takes the last of them along. */
export const EVENT_BUFFER_MS = 100;
export const RATE_WINDOW_MS = 1000;

const KEPT: readonly ServerEvent['event'][] = ['started', 'election', 'leader', 'stepped_down', 'peer_down', 'stopped'];

/** Reads fault_events.ndjson. */
export function readFaults(file: string, inputs: Inputs): void {
  const faults: FaultEvent[] = [];
  const { unreadable, ...read } = readRecords(file, 'faults', parseFault, (fault) => void faults.push(fault));
  inputs.files.push(read);
  if (unreadable) return void inputs.missing.push(`${file}: ${read.problems[0]}`);
  inputs.faults = faults.sort((a, b) => a.time - b.time);
  const kills = inputs.faults.filter(({ action, outcome }) => action === 'kill' && outcome === 'done');
  inputs.executionsBeforeKills = kills.map((fault) => ({ fault, count: 0 }));
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
  for (const before of inputs.executionsBeforeKills) {
    const { server_id: serverId, time } = before.fault;
    const untilMs = time - EVENT_BUFFER_MS;
    if (serverId !== event.server_id || event.time > untilMs || event.time <= untilMs - RATE_WINDOW_MS) continue;
    before.count += 1;
  }
  if (tasks === undefined) return;
  inputs.executions += 1;
  tasks.execute(event.request_id);
}

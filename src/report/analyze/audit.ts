/** Audits whether each success has an execution in the event files of the servers. */
import { counted, serversText } from '../../core/counted';
import { endsEarlyText } from '../read/known-servers';
import { OTHER_SERVERS } from '../../core/metrics/servers';
import { WrongCarriers } from '../../core/metrics/wrong-carriers';
import { unwrittenAround } from '../../core/metrics/unwritten';
import { type Inputs, type LastWord, partKeyOf, type ServerLife } from '../read/inputs';
import { increment } from '../read/interner';
import type { ForEachRow } from '../read/columns';
import type { Audit, FaultReport, Interval } from '../report';
import { sum } from './sum';

interface Counted {
  requests: number;
  successes: number;
  hedged: number;
  wrong: WrongCarriers;
  /** Servers that have requests assigned. */
  serverIds: readonly number[];
  /** Servers whose files end before the run, without a fault. */
  silentIds: readonly number[];
  /** The kills of this run. */
  kills: readonly FaultReport[];
  /** Answers of killed servers whose executions these may not have written. */
  excusable: number;
  /** From the first request to the end; null without records. */
  run: Interval | null;
}

/** Counts wrong carriers by the records of each machine or by its clients' own files, whichever tell more. */
export function wrongCarriers({ records, saidWrong }: Inputs): WrongCarriers {
  const all = new WrongCarriers();
  const parts = new Map<string, Map<number, number>>();
  for (const { machineId, runId, wrong } of records) {
    const key = partKeyOf(runId, machineId);
    const counts = parts.get(key) ?? new Map<number, number>();
    parts.set(key, counts);
    for (const [id, count] of wrong.byServer) increment(counts, id, count);
  }
  for (const key of new Set([...parts.keys(), ...saidWrong.keys()])) {
    const counts = parts.get(key) ?? new Map<number, number>();
    const said = saidWrong.get(key) ?? new WrongCarriers();
    for (const [id, count] of said.byServer) {
      if (id !== OTHER_SERVERS) counts.set(id, Math.max(count, counts.get(id) ?? 0));
    }
    for (const [id, count] of counts) all.addOf(id, count);
    // The files may count carriers whose servers only the records name.
    all.addOf(OTHER_SERVERS, Math.max(0, said.count - sum([...counts.values()])));
  }
  return all;
}

/** Clients without records cannot be audited. */
export function auditOf(inputs: Inputs, counted: Counted): Audit {
  const { requests, successes, hedged, wrong, excusable } = counted;
  let repeated = 0;
  let lost = 0;
  for (const tasks of inputs.tasks.values()) {
    const audit = tasks.audit();
    repeated += audit.repeated;
    lost += audit.lost;
  }
  return {
    requests,
    successes,
    hedged,
    corrupted: wrong.count,
    corrupted_by: wrong.worstFirst(),
    excusable,
    ...(inputs.events === null
      ? { executions: null, repeated: null, lost: null }
      : { executions: inputs.executions, repeated, lost: inputs.missingRecords > 0 ? null : lost }),
    ...judge(inputs, counted, lost),
  };
}

/** Counts the answers from killed servers in the period whose events these servers may not have written. */
export function lastAnswersOf(
  kills: readonly FaultReport[],
  serverIds: readonly number[],
  lastWords: readonly LastWord[],
  forEachRow: ForEachRow,
): number {
  const writtenMs = (id: number, start: number): number =>
    lastWords.find(({ serverId, killMs }) => serverId === id && killMs === start)?.writtenMs ?? Infinity;
  const moments = kills.map(({ server_id, start, end }) => {
    const { fromMs, toMs } = unwrittenAround(start, writtenMs(server_id, start));
    return { server: serverIds.indexOf(server_id) + 1, from: fromMs, to: Math.min(end ?? Infinity, toMs) };
  });
  let count = 0;
  forEachRow(({ success, server, endMs }) => {
    const isLast = moments.some((each) => each.server === server && endMs >= each.from && endMs <= each.to);
    if (success && server > 0 && isLast) count += 1;
  });
  return count;
}

function judge(
  { events, lives, files, leftOut, missingRecords }: Inputs,
  { requests, serverIds, silentIds, kills, excusable, run }: Counted,
  lost: number,
): Pick<Audit, 'adds_up' | 'why'> {
  if (requests === 0)
    return { adds_up: 'unknown', why: 'there are no records of single requests; `stress` writes them' };
  if (events === null) {
    return { adds_up: 'unknown', why: 'there are no event files of the servers: name their folders with --events' };
  }
  const isDuring = ({ fromMs, lastMs }: ServerLife): boolean => run !== null && fromMs <= run.to && lastMs >= run.from;
  const heard = new Set(lives.filter(isDuring).map(({ serverId }) => serverId));
  const silent = serverIds.filter((id) => !heard.has(id));
  const badLines = files.reduce((sum, file) => sum + (file.kind === 'events' ? file.badLines : 0), 0);
  if (lost === 0 && missingRecords > 0) {
    return {
      adds_up: 'unknown',
      why: `${counted(missingRecords, 'request')} without a record; every other success has an execution`,
    };
  }
  if (lost === 0) return { adds_up: true, why: 'every success has an execution' };
  const missing =
    lost === 1 ? '1 success has no execution in the files' : `${lost} successes have no execution in the files`;
  if (silent.length > 0)
    return {
      adds_up: 'unknown',
      why: `${missing}; no event file has events of ${serversText(silent)} in this run: name the folder with --events`,
    };
  if (silentIds.length > 0)
    return {
      adds_up: 'unknown',
      why: `${missing}; ${endsEarlyText(silentIds)}`,
    };
  const leftOutCount = [...leftOut.values()].reduce((sum, { executed }) => sum + executed, 0);
  const most = excusable + badLines + leftOutCount;
  const because = [
    ...(kills.length > 0
      ? [`${counted(kills.length, 'killed server')} may not have written the last ${counted(excusable, 'execution')}`]
      : []),
    ...(badLines > 0 ? [`${counted(badLines, 'damaged line')} in event files`] : []),
    ...(leftOutCount > 0 ? [`servers dropped ${counted(leftOutCount, 'execution')} for lack of room`] : []),
  ].join(', ');
  if (lost <= most) return { adds_up: 'unknown', why: `${missing}; ${because}` };
  return { adds_up: false, why: because === '' ? missing : `${missing}; ${because}, which explains only ${most}` };
}

import type { Inputs, LastWord } from '../read/inputs';
import type { ForEachRow } from '../read/columns';
import type { Audit, FaultReport } from '../report';

/** A server writes its events every 100 ms, a busy one a little later; a killed one takes the last of them along. */
const UNWRITTEN_MS = 150;
/** A very busy one later still, which its file tells; but a file that ends much sooner misses more than a buffer. */
const MOST_UNWRITTEN_MS = 10_000;
/** An answer that was on its way when its server was killed is verified by then. */
const UNDER_WAY_MS = 1000;
export const CORRUPTED = 'Verification failed';

interface Counted {
  requests: number;
  successes: number;
  hedged: number;
  corrupted: number;
  /** Servers that requests were assigned to. */
  serverIds: readonly number[];
  /** Those of this run. */
  kills: readonly FaultReport[];
  /** Answers that clients got of killed servers, which these may not have written down. */
  excusable: number;
}

/** Whether each success stands against an execution. Clients without records cannot be audited. */
export function auditOf(inputs: Inputs, counted: Counted): Audit {
  const { requests, successes, hedged, corrupted, excusable } = counted;
  let repeated = 0;
  let lost = 0;
  for (const tasks of inputs.tasks.values()) {
    const audit = tasks.audit();
    repeated += audit.repeated;
    lost += audit.lost;
  }
  return {
    ...{ requests, successes, hedged, corrupted, excusable },
    ...(inputs.events === null
      ? { executions: null, repeated: null, lost: null }
      : { executions: inputs.executions, repeated, lost }),
    ...judge(inputs, counted, lost),
  };
}

/** How many answers clients got of killed servers in the moment for which these may not have written what they did. */
export function lastAnswersOf(
  kills: readonly FaultReport[],
  serverIds: readonly number[],
  lastWords: readonly LastWord[],
  forEachRow: ForEachRow,
): number {
  const writtenMs = (id: number, start: number): number =>
    lastWords.find(({ serverId, killMs }) => serverId === id && killMs === start)?.writtenMs ?? Infinity;
  const moments = kills.map(({ server_id, start, end }) => ({
    server: serverIds.indexOf(server_id) + 1,
    from: Math.max(start - MOST_UNWRITTEN_MS, Math.min(start - UNWRITTEN_MS, writtenMs(server_id, start))),
    to: Math.min(end ?? Infinity, start + UNDER_WAY_MS),
  }));
  let count = 0;
  forEachRow(({ success, server, endMs }) => {
    const isLast = moments.some((each) => each.server === server && endMs >= each.from && endMs <= each.to);
    if (success && server > 0 && isLast) count += 1;
  });
  return count;
}

function judge(
  { events, eventServerIds, files, leftOut }: Inputs,
  { requests, serverIds, kills, excusable }: Counted,
  lost: number,
): Pick<Audit, 'adds_up' | 'why'> {
  if (requests === 0) return { adds_up: 'unknown', why: 'there are no records of single requests' };
  if (events === null) return { adds_up: 'unknown', why: 'there are no event files of the servers' };
  const silent = serverIds.filter((id) => !eventServerIds.includes(id));
  const badLines = files.reduce((sum, file) => sum + (file.kind === 'events' ? file.badLines : 0), 0);
  if (lost === 0) return { adds_up: true, why: 'every success stands against an execution' };
  const missing =
    lost === 1 ? '1 success has no execution in the files' : `${lost} successes have no execution in the files`;
  if (silent.length > 0)
    return { adds_up: 'unknown', why: `${missing}; of server ${silent.join(', ')} there is no event file` };
  const leftOutCount = [...leftOut.values()].reduce((sum, { executed }) => sum + executed, 0);
  const most = excusable + badLines + leftOutCount;
  const because = [
    ...(kills.length > 0
      ? [`${kills.length} killed servers may not have written down their last ${excusable} answers`]
      : []),
    ...(badLines > 0 ? [`${badLines} lines of event files are damaged`] : []),
    ...(leftOutCount > 0 ? [`servers left out ${leftOutCount} executions, for there were too many`] : []),
  ].join(', ');
  if (lost <= most) return { adds_up: 'unknown', why: `${missing}; ${because}` };
  return { adds_up: false, why: because === '' ? missing : `${missing}; ${because}, which is fewer` };
}

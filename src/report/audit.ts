import type { ExecutionsBeforeKill, Inputs } from './inputs';
import type { Audit } from './report';

const BUFFER_SHARE_OF_A_SECOND = 0.1;
export const CORRUPTED = 'Verification failed';

interface Counted {
  requests: number;
  successes: number;
  hedged: number;
  corrupted: number;
  /** Servers that requests were assigned to. */
  serverIds: readonly number[];
  /** Those of this run. */
  kills: readonly ExecutionsBeforeKill[];
}

/** Whether each success stands against an execution. Clients without records cannot be audited. */
export function auditOf(inputs: Inputs, counted: Counted): Audit {
  const { requests, successes, hedged, corrupted, kills } = counted;
  let repeated = 0;
  let lost = 0;
  for (const tasks of inputs.tasks.values()) {
    const audit = tasks.audit();
    repeated += audit.repeated;
    lost += audit.lost;
  }
  const excusable = kills.reduce((sum, { count }) => sum + Math.ceil(count * BUFFER_SHARE_OF_A_SECOND), 0);
  return {
    ...{ requests, successes, hedged, corrupted, excusable },
    ...(inputs.events === null
      ? { executions: null, repeated: null, lost: null }
      : { executions: inputs.executions, repeated, lost }),
    ...judge(inputs, counted, lost, excusable),
  };
}

function judge(
  { events, eventServerIds, files }: Inputs,
  { requests, serverIds, kills }: Counted,
  lost: number,
  excusable: number,
): Pick<Audit, 'adds_up' | 'why'> {
  if (requests === 0) return { adds_up: 'unknown', why: 'there are no records of single requests' };
  if (events === null) return { adds_up: 'unknown', why: 'there are no event files of the servers' };
  const silent = serverIds.filter((id) => !eventServerIds.includes(id));
  const badLines = files.reduce((sum, file) => sum + (file.kind === 'events' ? file.badLines : 0), 0);
  if (lost === 0) return { adds_up: true, why: 'every success stands against an execution' };
  const missing = `${lost} successes have no execution in the files`;
  if (silent.length > 0)
    return { adds_up: 'unknown', why: `${missing}; of server ${silent.join(', ')} there is no event file` };
  const most = excusable + badLines;
  const because = [
    ...(kills.length > 0 ? [`the buffers of ${kills.length} killed servers can hold ${excusable}`] : []),
    ...(badLines > 0 ? [`${badLines} lines of event files are damaged`] : []),
  ].join(', ');
  if (lost <= most) return { adds_up: 'unknown', why: `${missing}; ${because}` };
  return { adds_up: false, why: because === '' ? missing : `${missing}; ${because}, which is fewer` };
}

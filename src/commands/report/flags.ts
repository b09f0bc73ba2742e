import { Flags } from '@oclif/core';
import { ClusterError } from '../../core/errors';
import { parsePlace } from '../../core/ssh-target';
import type { RunChoice } from '../../report/read/read-requests';

const repeatable = { multiple: true, multipleNonGreedy: true } as const;

/** What `report` aggregates, and where it goes. */
export const reportFlags = {
  metrics: Flags.string({
    ...repeatable,
    helpValue: 'DIR',
    summary: 'a folder of metrics; of another machine as user@host:DIR, as the next two may be; repeatable',
  }),
  faults: Flags.string({ helpValue: 'FILE', summary: 'the events of `faults`' }),
  events: Flags.string({ ...repeatable, helpValue: 'FILE', summary: "a server's events, or a folder, repeatable" }),
  out: Flags.string({
    ...repeatable,
    helpValue: 'FILE',
    summary: 'where to write: .json, .txt, .html, .xml (JUnit) or .csv; - is standard output (as .txt); repeatable',
  }),
  run: Flags.string({ helpValue: 'ID|all', summary: 'the run to take, instead of the newest' }),
  threshold: Flags.string({
    ...repeatable,
    helpValue: 'EXPR',
    summary: 'what must hold, like p99<800ms, repeatable',
  }),
  compare: Flags.string({
    ...{ multiple: true, helpValue: 'FILE', exclusive: ['metrics', 'faults', 'events', 'run', 'threshold'] },
    summary: 'two runs, A B: final_report.json or its folder; --out writes .txt, .html or .json besides',
  }),
};

/** The places of a flag, of this machine or others. @throws ClusterError `bad_usage` naming the flag */
export function placesOf(flag: string, places: string[] | '' | undefined): string[] | undefined {
  if (!places) return undefined;
  for (const place of places.map(parsePlace)) {
    if (place !== null && 'problem' in place) throw new ClusterError('bad_usage', `${flag}: ${place.problem}`);
  }
  return places;
}

export function runChoice(run: string | undefined): RunChoice {
  if (run === undefined) return { take: 'newest' };
  return run === 'all' ? { take: 'all' } : { take: 'id', runId: run };
}

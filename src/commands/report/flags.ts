import { Flags } from '@oclif/core';
import { ClusterError } from '../../core/errors';
import { parsePlace } from '../../core/ssh-target';
import type { RunChoice } from '../../report/read/read-requests';

const repeatable = { multiple: true, multipleNonGreedy: true } as const;

/** The flags that name the inputs and outputs of `report`. */
export const reportFlags = {
  metrics: Flags.string({
    ...repeatable,
    helpValue: 'DIR',
    summary: 'metrics folder, or user@host:DIR of another machine (also for --faults and --events); repeatable',
  }),
  faults: Flags.string({ helpValue: 'FILE', summary: 'event file of `faults`' }),
  events: Flags.string({
    ...repeatable,
    helpValue: 'FILE',
    summary: 'event file of a server, or a folder of them; repeatable',
  }),
  out: Flags.string({
    ...repeatable,
    helpValue: 'FILE',
    summary: 'file to write: .json, .txt, .html, .xml (JUnit) or .csv; - is standard output (text); repeatable',
  }),
  run: Flags.string({ helpValue: 'ID|all', summary: 'run to report (default: the newest)' }),
  threshold: Flags.string({
    ...repeatable,
    helpValue: 'EXPR',
    summary: 'threshold that must hold, like p99<800ms; repeatable',
  }),
  compare: Flags.string({
    ...{ multiple: true, helpValue: 'FILE', exclusive: ['metrics', 'faults', 'events', 'run', 'threshold'] },
    summary: 'compare two runs, A and B: final_report.json or its folder; --out writes .txt, .html or .json',
  }),
};

/** Returns the places that a flag lists, on this machine or others. @throws ClusterError `bad_usage` naming the flag */
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

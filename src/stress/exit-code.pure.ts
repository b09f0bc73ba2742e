/** The exit code of a load: what is wrong, an interruption, crossed thresholds, then what is incomplete or invalid. */
import { EXIT } from '../core/errors';
import type { StressReport } from './options';

type Judged = Pick<
  StressReport,
  'wrong_carriers' | 'interrupted' | 'thresholds' | 'aborted_by' | 'problem' | 'reached'
> & { generator: Pick<StressReport['generator'], 'saturated'> };

/** Judges what the clients saw: whether a server executed it is in the servers' files, which `report` reads. */
export function exitCodeOfStress({
  wrong_carriers: wrong,
  interrupted,
  thresholds,
  aborted_by: abortedBy,
  problem,
  reached,
  generator,
}: Judged): number {
  if (wrong > 0) return EXIT.checkFailed;
  if (interrupted) return EXIT.interrupted;
  if (abortedBy !== null || thresholds.some(({ passed }) => !passed)) return EXIT.checkFailed;
  return problem !== null || !reached || generator.saturated ? EXIT.incomplete : EXIT.ok;
}

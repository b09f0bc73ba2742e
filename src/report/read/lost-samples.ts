/** Finds load generators whose samples are incomplete: they tell of fewer requests than there are records. */
import { neverSentIn } from '../../core/metrics/failure-reasons';
import type { Inputs } from './inputs';

/** A machine, the requests in the samples of its load generator, and those that it has sent by its records. */
export interface LostSamples {
  machineId: number;
  sampled: number;
  recorded: number;
}

/** Each request that was sent is in one sample. Call it after reading everything. */
export function lostSamples({ generators, records }: Pick<Inputs, 'generators' | 'records'>): LostSamples[] {
  return generators.flatMap(({ machineId, fold: { sent: sampled } }) => {
    const own = records.filter((run) => run.machineId === machineId);
    const recorded = own.reduce(
      (sum, { columns, unsent, reasons }) => sum + columns.count - unsent - neverSentIn(reasons),
      0,
    );
    return sampled < recorded ? [{ machineId, sampled, recorded }] : [];
  });
}

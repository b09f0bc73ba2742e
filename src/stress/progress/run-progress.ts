/** Tracks a run for its progress bar: the share completed, and the status line. */
import { Meter } from '../../client/meter';
import { longestSuccess } from '../../core/metrics/population';
import type { RequestRecord } from '../../core/metrics/record';
import type { StressOptions } from '../options';
import { expectedArrivals } from '../../client/pacer.pure';
import type { Showing } from '../screen';
import { type RunStatus, statusText } from './status-line';

type Options = Pick<StressOptions, 'clock' | 'requests' | 'requestTimeoutMs' | 'numClients' | 'expectedMs'>;
type Leadership = RunStatus['leadership'];

export class RunProgress {
  private readonly meter: Meter;
  private readonly startMs: number;
  private readonly totalCount: number | undefined;
  private leadership: Leadership = { term: 0, leaderId: null };

  /** The load begins now. */
  constructor(
    private readonly options: Options,
    private readonly undecided: { readonly oldestAgeMs: number },
  ) {
    const { clock, requests, requestTimeoutMs } = options;
    this.meter = new Meter(clock, longestSuccess(requestTimeoutMs, requests.pacing.mode === 'rate'));
    this.startMs = options.clock.monotonicMs();
    this.totalCount = expectedCount(options);
  }

  /** A request ended; `leadership` is as its client knows it. */
  add(record: RequestRecord, leadership: Leadership): void {
    this.meter.add(record);
    if (record.success && leadership.term >= this.leadership.term) this.leadership = leadership;
  }

  showing(): Showing {
    const { requests, clock, expectedMs } = this.options;
    const { doneCount, failedCount, lastReason } = this.meter;
    const counts = { doneCount, totalCount: this.totalCount, failedCount };
    const { oldestAgeMs } = this.undecided;
    const rates = { perSecond: this.meter.perSecond(), p95Ms: this.meter.p95Ms(), oldestAgeMs };
    const timeShare = (clock.monotonicMs() - this.startMs) / (requests.durationMs ?? expectedMs ?? Infinity);
    return {
      share: Math.min(1, Math.max(timeShare, doneCount / (this.totalCount ?? Infinity))),
      text: statusText({ ...counts, lastReason, leadership: this.leadership, ...rates }),
    };
  }
}

/** Undefined if unknown: with random arrivals a duration does not determine their number. */
function expectedCount({ requests, numClients }: Options): number | undefined {
  const { pacing, totalRequests = Infinity, durationMs, rampUpMs } = requests;
  const isSure = pacing.mode === 'closed_loop' || pacing.arrivals === 'uniform' || durationMs === undefined;
  if (!isSure) return undefined;
  const totalCount = totalRequests * numClients;
  const count = pacing.mode === 'rate' ? expectedArrivals({ ...pacing, rampUpMs, durationMs, totalCount }) : totalCount;
  return Number.isFinite(count) ? count : undefined;
}

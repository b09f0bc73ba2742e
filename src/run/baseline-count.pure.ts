/** Counts the successes before the first fault of a run, and says when there are enough to know what is slow. */
import { plannedMs } from '../client/pacer.pure';
import type { RunConfig } from '../config/run-config';
import type { RequestRecord } from '../core/metrics/record';
import { ENOUGH_SUCCESSES, fixedLimitMs, type SlowLimitSetting } from '../core/metrics/slow-limit';
import { expectedMs } from './expected-duration.pure';

/** The longest time that the first fault is put off. */
const MOST_WAIT_MS = 120_000;
const NAMED = 3;

export class BaselineCount {
  /** Successes by image, of those that have too few. */
  private readonly few: Map<string, number>;
  private readonly controller = new AbortController();

  /** Images whose slow limit is configured need no successes. */
  constructor(images: readonly string[], slowLimitMs?: SlowLimitSetting) {
    const open = images.filter((image) => fixedLimitMs(slowLimitMs, image) === null);
    this.few = new Map(open.map((image) => [image, 0]));
    this.endIfEnough();
  }

  add({ image, success }: Pick<RequestRecord, 'image' | 'success'>): void {
    const count = this.few.get(image);
    if (!success || count === undefined) return;
    if (count + 1 < ENOUGH_SUCCESSES) this.few.set(image, count + 1);
    else this.few.delete(image);
    this.endIfEnough();
  }

  /** Aborted when every image has enough successes. */
  get enough(): AbortSignal {
    return this.controller.signal;
  }

  /** The images with too few successes. */
  get text(): string {
    const named = [...this.few].slice(0, NAMED).map(([image, count]) => `${image} has ${count}`);
    const more = this.few.size - named.length;
    return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
  }

  private endIfEnough(): void {
    if (this.few.size === 0) this.controller.abort();
  }
}

/** Returns the latest time of the first fault: all faults still fit into a load with a planned end. */
export function latestFirstMs(config: Pick<RunConfig, 'servers' | 'faults' | 'stress'>): number {
  const { faults, stress } = config;
  const faultsMs = expectedMs(config) - faults.firstMs;
  const fitsMs = plannedMs(stress.requests, stress.numClients) - faultsMs;
  return Math.max(faults.firstMs, Math.min(faults.firstMs + MOST_WAIT_MS, fitsMs));
}

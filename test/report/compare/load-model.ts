/** Simulates the requests of a run, seeded, for the false alarms and the power of `report --compare`. */
import { seededRandom } from '../../../src/core/random';
import type { ForEachRow, Row } from '../../../src/report/read/columns';
import type { Interval } from '../../../src/report/report';
import type { Blocks } from '../../../src/report/report-blocks';
import { blocksOf } from '../../../src/report/analyze/blocks';

export interface Load {
  name: string;
  /** The median service time of each operation. */
  medianMs: readonly number[];
  /** Requests per second of an open loop; without it, ten clients that think for 0.1 to 2 s. */
  perSecond?: number;
  /** Standard deviation of the logarithm of a service time within its second. */
  spread: number;
  /** Autocorrelation of the level from second to second (an autoregression of order 1), and its standard deviation. */
  correlation: number;
  unrest: number;
  failing: number;
  /** The mean time between stalls of 0.5 to 3 s, in which all requests wait. */
  stallEverySecs?: number;
  /** The number of faults of 3 s, in which a third of the requests hang until they end. */
  faults?: number;
}

const CLIENTS = 10;
const THINK_MS = [100, 2000] as const;
const TIMEOUT_MS = 30_000;

interface Run {
  rows: Row[];
  run: Interval;
  troubled: Interval[];
}

/** @param slower factor of all service times */
export function simulate(load: Load, secs: number, seed: number, slower = 1): Run {
  const random = seededRandom(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const levels: number[] = [load.unrest * normal()];
  for (let second = 1; second < secs + 60; second++) {
    const { correlation: c, unrest } = load;
    levels.push(c * levels[second - 1]! + Math.sqrt(1 - c ** 2) * unrest * normal());
  }
  const stalls: Interval[] = [];
  for (let at = 0; load.stallEverySecs !== undefined;) {
    at -= Math.log(1 - random()) * load.stallEverySecs * 1000;
    if (at > secs * 1000) break;
    stalls.push({ from: at, to: at + 500 + 2500 * random() });
  }
  const faults = Array.from({ length: load.faults ?? 0 }, (_, at): Interval => {
    const from = ((at + 1) / (load.faults! + 1)) * secs * 1000;
    return { from, to: from + 3000 };
  });
  const within = (all: readonly Interval[], ms: number) => all.find(({ from, to }) => ms >= from && ms < to);
  const rows: Row[] = [];
  const request = (startMs: number): number => {
    const image = Math.floor(random() * load.medianMs.length);
    const level = levels[Math.floor(startMs / 1000)]!;
    let latencyMs = slower * load.medianMs[image]! * Math.exp(level + load.spread * normal());
    const hung = within(stalls, startMs) ?? (random() < 1 / 3 ? within(faults, startMs) : undefined);
    if (hung !== undefined) latencyMs += hung.to - startMs;
    const isFailed = random() < load.failing;
    const endMs = startMs + latencyMs;
    const rest = { serviceMs: latencyMs, server: 1, term: 1, reason: 0, retried: false, hedged: false };
    rows.push({ startMs, endMs, latencyMs, image, success: !isFailed, isFailed, ...rest });
    return endMs;
  };
  if (load.perSecond === undefined) {
    const think = (): number => THINK_MS[0] + (THINK_MS[1] - THINK_MS[0]) * random();
    for (let client = 0; client < CLIENTS; client++) {
      for (let at = think(); at < secs * 1000; at = request(at) + think());
    }
  } else {
    for (let at = 0; at < secs * 1000; at -= (Math.log(1 - random()) * 1000) / load.perSecond) request(at);
  }
  // Recovery lasts a second longer.
  const troubled = faults.map(({ from, to }) => ({ from, to: to + 1000 }));
  return { rows, run: { from: 0, to: secs * 1000 }, troubled };
}

/** @param isPooled true: all operations are one */
export function blocksIn({ rows, run, troubled }: Run, operations: number, isPooled = false): Blocks {
  const forEachRow: ForEachRow = (visit) =>
    rows.forEach((row) => {
      const { image } = row;
      if (isPooled) row.image = 0;
      visit(row);
      row.image = image;
    });
  const images = Array.from({ length: isPooled ? 1 : operations }, (_, at) => `image ${at + 1}`);
  return blocksOf(forEachRow, { images, run, warmUntilMs: -Infinity, troubled, longestMs: TIMEOUT_MS, unknown: null });
}

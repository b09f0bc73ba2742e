/**
 * Simulates the requests of a run with stalls, seeded, for `npm run bench -- felt`.
 *
 * A service time is the median of its image times a log-normal factor times the level of its second, which is correlated
 * with the one of the second before. Stragglers take 100 ms longer on average (exponential), each by itself. The servers
 * have no queue: what waited in a stall is served at its end all at once.
 */
import type { Random } from '../../src/core/environment';
import { seededRandom } from '../../src/core/random';

export interface Load {
  name: string;
  /** Closed loop: clients that think for a time uniformly distributed between two limits. */
  clients?: number;
  thinkMs?: readonly [number, number];
  /** Open loop: evenly spaced, as `stress --rate` sends by default. */
  perSecond?: number;
  /** The median service time of each image; every request picks one of them. */
  medianMs: readonly number[];
  /** Standard deviations of the logarithms: of service times within a second, and of the level of a second. */
  spread: number;
  unrest: number;
  /** Their share of the requests. */
  stragglers: number;
}

/** A time in which requests hang: those due in it, and those under way at its start. Milliseconds into the run. */
export interface Stall {
  from: number;
  to: number;
  /** The share of the requests that hang; the others do not notice. */
  share: number;
}

export interface Request {
  dueMs: number;
  latencyMs: number;
  image: number;
}

const CORRELATION = 0.5;
const STRAGGLER_MS = 100;
/** More than the streams of random numbers of a run: one for the levels and one for each client. */
const STREAMS = 1000;
/** Beyond the end of a run, for requests that hang when it ends. */
const MORE_SECS = 60;

/**
 * Returns the requests due before an end. With one seed, those that ended before a stall are the same without it.
 * @param stalls in ascending order, not overlapping
 */
export function simulate(load: Load, endMs: number, stalls: readonly Stall[], seed: number): Request[] {
  const levels = levelsOf(load, seededRandom(seed * STREAMS), endMs / 1000 + MORE_SECS);
  const requests: Request[] = [];
  /** Returns when it ended. */
  const send = (dueMs: number, random: Random): number => {
    const image = Math.floor(random() * load.medianMs.length);
    const level = levels[Math.floor(dueMs / 1000)]!;
    const straggles = random() < load.stragglers ? -Math.log(1 - random()) * STRAGGLER_MS : 0;
    let latencyMs = load.medianMs[image]! * Math.exp(level + load.spread * normal(random)) + straggles;
    for (const { from, to, share } of stalls) {
      if (from >= dueMs + latencyMs) break;
      if (dueMs < to && random() < share) latencyMs += to - Math.max(from, dueMs);
    }
    requests.push({ dueMs, latencyMs, image });
    return dueMs + latencyMs;
  };
  const { clients = 0, thinkMs = [0, 0], perSecond } = load;
  for (let client = 1; client <= clients; client++) {
    const random = seededRandom(seed * STREAMS + client);
    const think = (): number => thinkMs[0] + (thinkMs[1] - thinkMs[0]) * random();
    for (let at = think(); at < endMs; at = send(at, random) + think());
  }
  if (perSecond !== undefined) {
    const random = seededRandom(seed * STREAMS + 1);
    const everyMs = 1000 / perSecond;
    for (let at = everyMs * random(); at < endMs; at += everyMs) send(at, random);
  }
  return requests;
}

/** Returns the logarithm of the level of each second. */
function levelsOf({ unrest }: Load, random: Random, secs: number): number[] {
  const levels = [unrest * normal(random)];
  while (levels.length < secs)
    levels.push(CORRELATION * levels.at(-1)! + Math.sqrt(1 - CORRELATION ** 2) * unrest * normal(random));
  return levels;
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

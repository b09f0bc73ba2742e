/** The baseline, its slow limits and the windows of 250 ms (*What a fault cost* in honest-figures.md). */
import { hazen } from './latency.mjs';
import { largest, smallest } from './population.mjs';

export const WINDOW_MS = 250;
const DELAYS_MS = [50, 100, 250, 500, 1000, 1500, 2000, 3000, 5000];

/** Returns the number of the window of a time: windows are "on multiples of 250 ms of unix time". */
export const windowAt = (time) => Math.floor(time / WINDOW_MS);

/** Calls `visit` with each window in which something is under way "from its due time to its end, both included". */
function eachWindow(due, end, visit) {
  for (let window = windowAt(due); window <= windowAt(end); window++) visit(window);
}

/** Returns the end of the load, which must not depend on outcomes: as for the duration, `ended_at`, else the last due. */
export function endOfRun({ requests, endedAt }) {
  const dues = requests.map((request) => request.due);
  return largest([...dues, ...endedAt.filter((time) => time !== null)]);
}

/** Returns the baseline: "requests due after the warm-up and ended before the first fault". */
export function baselineOf(population, rows) {
  const { counted } = population;
  const from = counted.length === 0 ? null : smallest(counted.map((request) => request.due));
  const to = rows.length === 0 ? endOfRun(population) : smallest(rows.map((row) => row.start));
  const isBefore = (request) => rows.length === 0 || request.end < to;
  const requests = counted.filter((request) => request.outcome !== 'undecided' && isBefore(request));
  const windows = [];
  if (from !== null) {
    // The windows that lie within it as a whole.
    for (let n = Math.ceil(from / WINDOW_MS); (n + 1) * WINDOW_MS <= to; n++) windows.push(n);
  }
  return { from, to, requests, windows, hasGap: population.countedMissing.some((item) => item.from < to) };
}

/**
 * Returns the slow limit of each operation: "1.5 × the p95 of its successes there + 10 ms; fewer than 20: unknown";
 * "slow limits whose baseline has a gap are unknown"; `slow_limit_ms` in the configuration fixes it.
 */
export function slowLimitsOf({ requests, slowLimitMs }, baseline) {
  const limits = {};
  for (const image of new Set(requests.map((request) => request.image))) {
    const successes = baseline.requests.filter((request) => request.image === image && request.outcome === 'success');
    const isKnown = successes.length >= 20 && !baseline.hasGap;
    const p95 = hazen(
      successes.map((request) => request.latency_ms),
      950,
    );
    limits[image] = slowLimitMs ?? (isKnown ? 1.5 * p95 + 10 : null);
  }
  return limits;
}

/** True for a bad request: "it failed, or took (in flight: has taken) longer than its slow limit". */
export function isBad(request, limits) {
  const limit = limits[request.image];
  return request.isFailure || (limit !== null && request.latency_ms > limit);
}

/** Returns the numbers under way in the windows of the baseline: how many windows, and their sum over all of them. */
function loadOf(baseline) {
  const inBaseline = new Set(baseline.windows);
  let sum = 0;
  for (const { due, end } of baseline.requests)
    eachWindow(due, end, (window) => (sum += inBaseline.has(window) ? 1 : 0));
  return { windows: baseline.windows.length, sum };
}

/** True for "at least 2 bad requests, and more than 5 % of the baseline's mean number under way in a window". */
function isMany(bad, load) {
  return bad >= 2 && bad * 100 * load.windows > 5 * load.sum;
}

/**
 * Returns the set of bad windows: "a request that failed was under way in it, or at least 2 bad requests, and more than
 * 5 % of the baseline's mean number under way in a window, were". The warm-up is not exempt from what a fault costs.
 */
export function badWindowsOf({ requests }, baseline, limits) {
  const load = loadOf(baseline);
  const counts = new Map();
  const failed = new Set();
  for (const request of requests.filter((each) => isBad(each, limits))) {
    eachWindow(request.due, request.end, (window) => {
      counts.set(window, (counts.get(window) ?? 0) + 1);
      if (request.isFailure) failed.add(window);
    });
  }
  return new Set(
    [...counts].filter(([window, bad]) => failed.has(window) || isMany(bad, load)).map(([window]) => window),
  );
}

/** Returns "the share of bad windows in the baseline", from 0 to 1; unknown if an operation under way has no limit. */
export function badShareOf({ requests }, baseline, limits, bad) {
  const { windows, from, to } = baseline;
  if (windows.length === 0) return null;
  const there = requests.filter((request) => request.due < to && request.end >= from);
  if (there.some((request) => limits[request.image] === null)) return null;
  return windows.filter((window) => bad.has(window)).length / windows.length;
}

/**
 * Returns `felt_resolution_ms`, "the shortest of 50 ms … 5 s by which every request under way at, or due during, a
 * baseline moment could have been delayed so that a bad window results in 95 % of such moments". A moment is a stall
 * that begins with a window of the baseline: what is under way ends later by the length of the stall, and what is due
 * during it begins only when it is over (by the reading `whole` it is delayed by the whole length, too). Other requests
 * do not help to make the window bad.
 */
export function resolutionOf(baseline, limits, readings) {
  const load = loadOf(baseline);
  const successes = baseline.requests
    .filter((request) => request.outcome === 'success' && limits[request.image] !== null)
    .sort((a, b) => a.due - b.due);
  const shows = (from, delay) => {
    const counts = new Map();
    for (const { due, end, image } of successes) {
      if (due >= from + delay) break;
      if (end < from) continue;
      const later = due <= from || readings.delay === 'whole' ? end + delay : end + (from + delay - due);
      if (later - due <= limits[image]) continue;
      eachWindow(due, later, (window) => counts.set(window, (counts.get(window) ?? 0) + 1));
    }
    return [...counts.values()].some((bad) => isMany(bad, load));
  };
  for (const delay of DELAYS_MS) {
    const moments = baseline.windows.map((window) => window * WINDOW_MS).filter((from) => from + delay <= baseline.to);
    const shown = moments.filter((from) => shows(from, delay)).length;
    if (moments.length > 0 && shown * 100 >= moments.length * 95) return delay;
  }
  return null;
}

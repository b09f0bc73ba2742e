/** The latencies of a run and what a closed loop hides (*Latency* in honest-figures.md). */
import { largest, smallest } from './population.mjs';

/**
 * Returns a percentile by Hazen's definition: the k-th smallest of n values stands at (k - 0.5) / n, and values between
 * two of them are interpolated. `perMille` is 500 for the median. null of no values.
 */
export function hazen(values, perMille) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length * perMille) / 1000 + 0.5;
  if (place <= 1) return sorted[0];
  if (place >= sorted.length) return sorted.at(-1);
  const below = Math.floor(place);
  return sorted[below - 1] + (place - below) * (sorted[below] - sorted[below - 1]);
}

/** Returns the block of figures of some latencies: "p99 from 100 values, p99.9 from 1,000; else unknown". */
export function statsOf(values) {
  const isEmpty = values.length === 0;
  return {
    min_ms: isEmpty ? null : smallest(values),
    max_ms: isEmpty ? null : largest(values),
    avg_ms: isEmpty ? null : values.reduce((sum, value) => sum + value, 0) / values.length,
    median_ms: hazen(values, 500),
    p95_ms: hazen(values, 950),
    p99_ms: values.length >= 100 ? hazen(values, 990) : null,
    p99_9_ms: values.length >= 1000 ? hazen(values, 999) : null,
  };
}

/**
 * Returns the latency of a request in *all*: "a success, its latency; a failure, the larger of its latency and the
 * longest that a success can take; an undecided one, its age".
 */
export function allLatency(request, longestSuccessMs) {
  return request.isFailure ? Math.max(request.latency_ms, longestSuccessMs) : request.latency_ms;
}

/** Returns the same from the send; one that waited to be sent at the end counts with its age. */
function allService(request, longestSuccessMs) {
  if (request.isFailure) return Math.max(request.service_ms, longestSuccessMs);
  return request.wasSent ? request.service_ms : request.latency_ms;
}

/** Returns `latency_stats` (the guide's block: successes), `all_stats` and `service_stats`. */
export function latenciesOf(population) {
  const { counted, countedMissing, unrecorded, longestSuccessMs } = population;
  const missing = countedMissing.map(() => longestSuccessMs);
  const successes = counted.filter((request) => request.outcome === 'success').map((request) => request.latency_ms);
  const { p99_9_ms: _, ...ofSuccesses } = statsOf(successes);
  const all = counted.map((request) => allLatency(request, longestSuccessMs));
  const service = counted.map((request) => allService(request, longestSuccessMs));
  const isUnknown = unrecorded.length > 0;
  const unknown = {
    min_ms: null,
    max_ms: null,
    avg_ms: null,
    median_ms: null,
    p95_ms: null,
    p99_ms: null,
    p99_9_ms: null,
  };
  return {
    latency_stats: withUnrecorded(ofSuccesses, successes, unrecorded),
    all_stats: isUnknown ? unknown : statsOf([...all, ...missing]),
    service_stats: isUnknown ? unknown : statsOf([...service, ...missing]),
  };
}

/** Adds clients without records: "their latencies enter minimum, maximum and average only". */
function withUnrecorded(stats, successes, unrecorded) {
  const withSuccess = unrecorded.filter((client) => client.successful_requests > 0);
  if (withSuccess.length === 0) return stats;
  const total = (list, value) => list.reduce((sum, item) => sum + value(item), 0);
  const count = successes.length + total(withSuccess, (client) => client.successful_requests);
  const sum =
    total(successes, (value) => value) +
    total(withSuccess, (client) => client.successful_requests * client.latency_avg_ms);
  return {
    ...stats,
    min_ms: smallest([...successes, ...withSuccess.map((client) => client.latency_min_ms)]),
    max_ms: largest([...successes, ...withSuccess.map((client) => client.latency_max_ms)]),
    avg_ms: sum / count,
  };
}

/**
 * Returns what a closed loop hides: "`blocked_client_secs` = Σ max(0, latency − I), `missed_requests` = Σ ⌊latency / I⌋,
 * unknown if I = 0". The latency is that of *all*: a request that fails early must not count as less than a slow one. By the reading `measured` it is the measured one.
 */
export function closedLoopOf(population, readings) {
  const { counted, countedMissing, longestSuccessMs, loop, thinkTimeOf } = population;
  if (loop !== 'closed') return { loop, blocked_client_secs: null, missed_requests: null };
  const latencyOf = (request) =>
    readings.blocked === 'measured' ? request.latency_ms : allLatency(request, longestSuccessMs);
  const waits = [
    ...counted.map((request) => ({ ms: latencyOf(request), think: thinkTimeOf(request.machine) })),
    ...countedMissing.map((item) => ({ ms: longestSuccessMs, think: thinkTimeOf(item.machine) })),
  ];
  const isKnown = waits.every((wait) => wait.think !== null);
  const isCountable = waits.every((wait) => wait.think > 0);
  return {
    loop,
    blocked_client_secs: isKnown ? waits.reduce((sum, { ms, think }) => sum + Math.max(0, ms - think), 0) / 1000 : null,
    missed_requests: isCountable ? waits.reduce((sum, { ms, think }) => sum + Math.floor(ms / think), 0) : null,
  };
}

/** The cost of each fault (*What a fault cost* in honest-figures.md), without what the servers' events tell. */
import { endOfRun, isBad, WINDOW_MS, windowAt } from './windows.mjs';
import { largest, smallest } from './population.mjs';

/** The actions that end each kind of fault. */
const HEALS = {
  kill: ['restart'],
  terminate: ['restart'],
  pause: ['resume', 'restart'],
  partition: ['heal'],
  delay: ['heal'],
  loss: ['heal'],
};

const COSTS = ['felt_ms', 'recovered_ms', 'bad_requests', 'requests', 'failed', 'retried', 'hedged', 'longest_ms'];

/**
 * Returns the faults of a log, one row each, by their start: from its `started` line to the `done` line of what healed
 * it (null: never healed). A fault of which a line is missing is marked. A restart of a server without a fault is a
 * fault that heals itself. One that failed after it was started ended then, unless a restart follows.
 */
export function faultRowsOf(faults, population) {
  const lines = faults.filter((line) => typeof line.action === 'string').sort((a, b) => a.time - b.time);
  const rows = [];
  const openOf = (id, action) =>
    rows.findLast((row) => row.server_id === id && row.end === null && HEALS[row.kind]?.includes(action));
  for (const { time, server_id, action, outcome } of lines) {
    const isHeal = action === 'resume' || action === 'heal' || (action === 'restart' && openOf(server_id, action));
    if (isHeal) {
      if (outcome !== 'done') continue;
      for (const row of rows) {
        if (row.server_id === server_id && row.end === null && HEALS[row.kind]?.includes(action)) row.end = time;
      }
      continue;
    }
    const begun = rows.findLast((row) => row.server_id === server_id && row.kind === action && !row.isOver);
    if (outcome === 'started') {
      rows.push({ server_id, kind: action, start: time, end: null, isOver: false, isComplete: false, failedAt: null });
    } else if (begun !== undefined) {
      begun.isOver = true;
      begun.isComplete = true;
      if (outcome === 'failed') begun.failedAt = time;
      if (action === 'restart' && outcome === 'done') begun.end = time;
    } else if (outcome === 'done') {
      const end = action === 'restart' ? time : null;
      rows.push({ server_id, kind: action, start: time, end, isOver: true, isComplete: false, failedAt: null });
    }
  }
  for (const row of rows) if (row.end === null && row.failedAt !== null) row.end = row.failedAt;
  // A fault that was over before the first request belongs to another run.
  const first = smallest(population.requests.map((request) => request.due));
  return rows.filter((row) => row.end === null || row.end >= first).sort((a, b) => a.start - b.start);
}

/**
 * Returns the spans of the faults: "a fault that begins before another is healed shares one span with it", so one that
 * is never healed shares it with all that follow.
 */
export function spansOf(rows, population, readings = {}) {
  const spans = [];
  for (const row of rows) {
    const end = row.end ?? Infinity;
    const last = spans.at(-1);
    if (last !== undefined && row.start < last.healed) {
      last.rows.push(row);
      last.healed = Math.max(last.healed, end);
    } else {
      spans.push({ start: row.start, healed: end, rows: [row] });
    }
  }
  return spans.map((span, at) => {
    const next = spans[at + 1]?.start ?? Infinity;
    // By the reading `due`, no calm is seen after the last request due.
    const end = endOfRun(population);
    const last = readings.until === 'due' ? largest(population.requests.map((each) => each.due)) : end;
    return { ...span, next, limit: Math.min(next, end), calmLimit: Math.min(next, last) };
  });
}

/**
 * Returns the start of the "first calm after its heal": "1 s of good windows in which a request was due", before the
 * next fault or the end. Each of its windows must have a due request; by the reading `any`, one of them. null: *not seen
 * to recover*.
 */
function calmOf({ healed, calmLimit }, { requests }, bad, readings) {
  const isDue = new Set(requests.map((request) => windowAt(request.due)));
  for (let first = Math.ceil(healed / WINDOW_MS); (first + 4) * WINDOW_MS <= calmLimit; first++) {
    const windows = [first, first + 1, first + 2, first + 3];
    const due = windows.filter((window) => isDue.has(window)).length;
    if (windows.every((window) => !bad.has(window)) && due >= (readings.calm === 'any' ? 1 : 4))
      return first * WINDOW_MS;
  }
  return null;
}

/** Returns the costs of each fault of a span, in the order of its rows, and why some of them are unknown. */
export function costsOf(span, population, limits, bad, readings) {
  const { requests, missing } = population;
  const firstDue = smallest(requests.map((request) => request.due));
  const calm = calmOf(span, population, bad, readings);
  const end = calm ?? span.next;
  /** The end of the evidence: the calm itself must be seen, too. */
  const seen = calm === null ? span.next : calm + 1000;

  const inSpan = requests.filter((request) => request.due < end && request.end >= span.start);
  const badWindows = [...bad].filter((window) => window * WINDOW_MS < end && (window + 1) * WINDOW_MS > span.start);
  const near = requests.filter((request) => request.due < seen && request.end >= span.start);
  const untold = [...new Set(near.map((request) => request.image))].filter((image) => limits[image] === null);
  const isGap = missing.some((item) => item.from < seen && item.to >= span.start);
  const lastBad = badWindows.reduce((last, window) => Math.max(last, window), -Infinity);
  const recovered = badWindows.length === 0 ? 0 : (lastBad + 1) * WINDOW_MS - span.start;
  const known = {
    felt_ms: Math.min(badWindows.length * WINDOW_MS, recovered),
    recovered_ms: recovered,
    bad_requests: inSpan.filter((request) => isBad(request, limits)).length,
    requests: inSpan.length,
    failed: inSpan.filter((request) => request.isFailure).length,
    retried: inSpan.filter((request) => request.retry_count > 0).length,
    hedged: inSpan.filter((request) => request.hedged).length,
    longest_ms: inSpan.length === 0 ? null : inSpan.reduce((max, request) => Math.max(max, request.latency_ms), 0),
  };

  return span.rows.map((row) => {
    const unknown = {};
    const hide = (names, reason) => names.forEach((name) => (unknown[name] ??= reason));
    const until = Math.max(row.end ?? Infinity, row.start + 4000);
    const due = requests.filter((request) => request.due >= row.start && request.due < until).length;
    if (span.rows.some((each) => each.start < firstDue)) hide(COSTS, 'it began before the first request');
    if (span.rows.some((each) => !each.isComplete)) hide(COSTS, 'a line of its event is missing');
    if (isGap) hide(COSTS, 'a record near it is missing');
    if (untold.length > 0) hide(COSTS, `no slow limit of ${untold.join(', ')}`);
    if (span.healed === Infinity) hide(['felt_ms', 'recovered_ms'], 'never healed');
    if (calm === null) hide(['felt_ms', 'recovered_ms'], 'not seen to recover');
    if (due < 20) hide(['felt_ms', 'recovered_ms'], `only ${due} requests were due from its start to its heal`);
    if (inSpan.length === 0) hide(['longest_ms'], 'no request was under way');
    const costs = Object.fromEntries(COSTS.map((name) => [name, name in unknown ? null : known[name]]));
    return { ...costs, shared: span.rows.length > 1, unknown };
  });
}

/** Rule S7: a task that ended leaves every ledger within a second. */
import { ruleResult, type RuleResult } from '../core/rule-result';
import { activeFaults, GRACE_MS, isAbsent, settleMs, taskOf, type CheckedFault, type History } from './history';
import { isLeftOut } from './left-out';
import { linkFaults, affects } from './links';

const LEDGER_EMPTY_MS = 1000;
/** The time that the kernel's retransmission may still take to deliver queued data after a silent cut is healed. */
const RETRANSMIT_MS = 2000;

/**
 * Checks S7 at every sample of a server: it counts no more tasks than can be outstanding then, by the records of the
 * clients and by the assignments and executions of the servers, and a second after the last one none at all. A server
 * is judged while it runs, unless it cannot know what the others have: a fault is recent, a link of its own is slow or
 * lossy, or a server was just cut off or paused and still looks alive. And no server holds a task for longer than its
 * deadline and the grace period.
 */
export function checkLedgers(history: History): RuleResult {
  const outstanding = new Outstanding(history);
  const settled = new Settled(history);
  const problems = heldTooLong(history);
  let samples = 0;
  for (const event of history.servers) {
    if (event.event !== 'sample' || !settled.is(event.server_id, event.time)) continue;
    const most = outstanding.at(event.time);
    if (event.time > outstanding.lastEndMs) samples += 1;
    if (Math.max(event.ledger, event.active + event.queued) <= most) continue;
    const counts = `${event.ledger} tasks (${event.active} active, ${event.queued} queued)`;
    const known = most === 0 ? 'the last one ended' : `at most ${most} can be outstanding`;
    problems.push(`server ${event.server_id} still counts ${counts} at ${event.time.toFixed(1)}, ${known}`);
  }
  if (problems.length === 0 && samples === 0) {
    return { rule: 'S7', verdict: 'unknown', problems: ['no server sample after the last task'] };
  }
  return ruleResult('S7', problems);
}

/** Counts the tasks that may be outstanding at any time, each once for each attempt. */
class Outstanding {
  private readonly begins: Float64Array;
  private readonly ends: Float64Array;

  constructor(history: History) {
    const begins: number[] = [];
    const ends: number[] = [];
    addIntervals(history, (fromMs, toMs) => {
      begins.push(fromMs);
      ends.push(toMs);
    });
    this.begins = Float64Array.from(begins).sort();
    this.ends = Float64Array.from(ends).sort();
  }

  /** The last moment at which any task may be outstanding. */
  get lastEndMs(): number {
    return this.ends.at(-1) ?? -Infinity;
  }

  at(timeMs: number): number {
    return countWhere(this.begins, (begin) => begin <= timeMs) - countWhere(this.ends, (end) => end < timeMs);
  }
}

function addIntervals(history: History, add: (fromMs: number, toMs: number) => void): void {
  const slackMs = LEDGER_EMPTY_MS + 4 * history.oneWayMs;
  const longestMs = history.requestTimeoutMs + GRACE_MS;
  const records = new Map<string, History['requests'][number]>();
  const endOf = (record: History['requests'][number]): number => record.start_time + record.latency_ms + slackMs;
  for (const record of history.requests) {
    records.set(taskOf(record), record);
    const attempts = 1 + record.retry_count + (record.hedged ? 1 : 0);
    for (let count = 0; count < attempts; count++) add(record.start_time, endOf(record));
  }
  for (const event of history.servers) {
    if (event.event === 'assigned') add(event.time, event.time + slackMs);
    if (event.event !== 'executed') continue;
    const record = records.get(taskOf(event));
    const toMs = event.time + slackMs;
    // One that its client waited for is counted with its record.
    if (record === undefined) add(event.time - longestMs, toMs);
    else if (toMs > endOf(record)) add(record.start_time, toMs);
  }
}

/** Tells when a server must know which tasks the others have. */
class Settled {
  private readonly leftOutMs: number;

  constructor(private readonly history: History) {
    // Dropped assignments may have been made up to the line that counts them.
    this.leftOutMs = history.servers.reduce(
      (lastMs, event) => (isLeftOut(event, ['assigned']) ? event.time : lastMs),
      -Infinity,
    );
  }

  is(serverId: number, atMs: number): boolean {
    const { history } = this;
    const slackMs = LEDGER_EMPTY_MS + 4 * history.oneWayMs;
    if (atMs <= Math.max(this.leftOutMs, history.startMs) + slackMs || isAbsent(history, serverId, atMs)) return false;
    const lately = history.faults.some((fault) => fault.time <= atMs && atMs <= endOfFaultMs(fault) + slackMs);
    if (lately) return false;
    // A server that stood still begins to notice what is cut off only when it runs again.
    const ranMs = history.faults.reduce(
      (lastMs, { action, server_id, time }) =>
        action === 'resume' && server_id === serverId && time <= atMs ? Math.max(lastMs, time) : lastMs,
      -Infinity,
    );
    const isYoung = (fault: CheckedFault): boolean => {
      // A task that its client gave up after it was cut off is held until its deadline.
      const goneMs = mayCutClients(fault) ? history.requestTimeoutMs + GRACE_MS : settleMs(history);
      return atMs - Math.max(fault.time, ranMs) <= goneMs + slackMs;
    };
    if (activeFaults(history, atMs).some((fault) => ['pause', 'partition'].includes(fault.action) && isYoung(fault)))
      return false;
    return !linkFaults(history, atMs).some(
      (fault) =>
        (fault.action !== 'partition' || !fault.isCertain) &&
        history.serverIds.some((id) => id !== serverId && affects(fault, serverId, id)),
    );
  }
}

function mayCutClients({ action, peers, detail }: CheckedFault): boolean {
  return action === 'partition' && (peers === undefined || /\bclient/.test(detail ?? ''));
}

function endOfFaultMs({ action, time }: CheckedFault): number {
  return action === 'heal' ? time + RETRANSMIT_MS : time;
}

/** Returns how many sorted values match, the first ones. */
function countWhere(sorted: Float64Array, matches: (value: number) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (matches(sorted[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Finds tasks that a server held for longer than their deadline and the grace period, although no fault touched it since
 * they were sent, or was so recent that the task may have been delivered late.
 */
function heldTooLong(history: History): string[] {
  const sent = new Map(
    history.requests
      // A client that stands still reads no answer.
      .filter(({ paused_ms: pausedMs = 0 }) => pausedMs === 0)
      .map((each) => [taskOf(each), each.start_time + each.latency_ms - each.service_ms]),
  );
  // Its time at the server counts from when it arrives.
  const boundMs = history.requestTimeoutMs + GRACE_MS + history.oneWayMs;
  const problems: string[] = [];
  for (const event of history.servers) {
    if (event.event !== 'executed') continue;
    const { server_id: serverId, time } = event;
    const sentMs = sent.get(taskOf(event));
    if (sentMs === undefined || time <= sentMs + boundMs) continue;
    const isTouched =
      activeFaults(history, sentMs).some((fault) => fault.server_id === serverId) ||
      history.faults.some((fault) => {
        return fault.server_id === serverId && fault.time <= time && endOfFaultMs(fault) >= sentMs;
      });
    if (isTouched) continue;
    problems.push(`server ${serverId} held ${taskOf(event)} for ${(time - sentMs).toFixed(1)} ms (${event.outcome})`);
  }
  return problems;
}

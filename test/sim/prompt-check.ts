import { activeFaults, doneFaults, type History, type Interval } from '../../src/check/history';
import { ruleResult, type RuleResult } from '../../src/core/rule-result';
import type { ClientRecord } from './sim-client';
import type { World } from './world';

/** A server that is silent for this long is given up, whatever else a client knows. */
const SILENT_MS = 1000;
/** For asking, for back-off, and for a second without hedges after a refusal. */
const SLACK_MS = 1500;
/** Faults that ended this long ago, and starts, are forgotten by everybody. */
const RECENT_MS = 5000;
const STARTED_MS = 500;

/**
 * Checks that no task stays with silent servers while another one is there for it: each server that a fault touched may
 * cost a second, and no more while a good one has nothing to do. Judged in worlds whose tasks are short.
 */
export function checkPrompt(world: World): RuleResult {
  const { images, serviceMs, baseDelayMs } = world.options;
  if (images.some((bytes) => bytes > 0)) return ruleResult('prompt', []);
  const history = world.history();
  const usualMs = SLACK_MS + 10 * serviceMs + 20 * baseDelayMs;
  const problems = history.requests.flatMap((record) => {
    const { start_time: fromMs, latency_ms: ms, paused_ms: pausedMs = 0 } = record;
    if (ms <= usualMs + SILENT_MS || pausedMs > 0 || record.outcome === 'interrupted') return [];
    const during = { fromMs, toMs: fromMs + ms };
    const wrong = record.wrong_carriers ?? [];
    const bad = history.serverIds.filter((id) => wrong.includes(id) || !isGood(history, id, during));
    const good = history.serverIds.filter(
      (id) =>
        !bad.includes(id) &&
        !world.corrupted.has(id) &&
        isIdle(history, id, during) &&
        !isBeyondReach(history, id, during),
    );
    const boundMs = usualMs + SILENT_MS * bad.length;
    if (good.length === 0 || ms <= boundMs) return [];
    return [`${nameOf(record)} took ${ms.toFixed(0)} ms from ${fromMs.toFixed(0)}, beside ${good.join(' and ')}, idle`];
  });
  return ruleResult('prompt', problems);
}

/** Returns true if a server was ready all the time, and no fault touched it then or shortly before. */
function isGood(history: History, id: number, { fromMs: beginMs, toMs }: Interval): boolean {
  const fromMs = beginMs - RECENT_MS;
  const isOwn = ({ server_id: serverId }: { server_id: number }): boolean => serverId === id;
  if (activeFaults(history, fromMs).some(isOwn)) return false;
  if (doneFaults(history).some((fault) => isOwn(fault) && fromMs <= fault.time && fault.time <= toMs)) return false;
  const phases = history.servers.filter((event) => isOwn(event) && ['started', 'ready'].includes(event.event));
  const [before, during] = [beginMs - STARTED_MS, toMs].map((atMs) => phases.filter(({ time }) => time <= atMs).at(-1));
  return before?.event === 'ready' && during === before;
}

function isIdle(history: History, id: number, { fromMs, toMs }: Interval): boolean {
  return history.servers.every(
    (event) =>
      event.server_id !== id ||
      event.time < fromMs ||
      event.time > toMs ||
      (event.event !== 'overloaded' && (event.event !== 'sample' || event.queued === 0)),
  );
}

/** Returns true if a leader that could not reach the server had no place for tasks: those that wait do not hang. */
function isBeyondReach(history: History, id: number, { fromMs, toMs }: Interval): boolean {
  return history.servers.some((event) => {
    if (event.event !== 'overloaded' || event.time < fromMs || event.time > toMs || event.server_id === id)
      return false;
    return activeFaults(history, event.time).some(
      ({ server_id: touched, peers }) => touched === event.server_id && (peers?.includes(id) ?? true),
    );
  });
}

function nameOf({ client_name: name, request_id: id }: Pick<ClientRecord, 'client_name' | 'request_id'>): string {
  return `${name}/${id}`;
}

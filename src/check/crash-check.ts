/** Rule S3: a crash (link closed, then dials refused) is detected without waiting for the failure timeout. */
import type { FaultEvent } from '../core/metrics/record';
import { ruleResult, type RuleResult } from '../core/rule-result';
import { absences, doneFaults, heardBy, overlapMs, type History } from './history';
import { concerns, isClean } from './links';

/** A closed link is dialed again at once and refused: a few messages, without waiting for the failure timeout. */
const CRASH_SEEN_MS = 250;

/**
 * Checks S3 for every kill and every server that heard the killed one, except where the link between the two was cut or
 * slowed, or anything else changed for one of them around it.
 */
export function checkCrashSeen(history: History): RuleResult {
  const problems: string[] = [];
  const boundMs = Math.min(CRASH_SEEN_MS + 4 * history.oneWayMs, history.timings.failureTimeoutMs);
  for (const kill of doneFaults(history).filter((fault) => fault.action === 'kill')) {
    for (const serverId of history.serverIds) {
      if (!isClean(history, serverId, kill.server_id, kill.time)) continue;
      if (changesWithin(history, kill, serverId, boundMs)) continue;
      if (serverId === kill.server_id || isAway(history, serverId, kill.time, boundMs)) continue;
      if (!heardBy(history, serverId, kill.time).includes(kill.server_id)) continue;
      const seen = history.servers.some(
        (event) =>
          event.event === 'peer_down' &&
          event.server_id === serverId &&
          event.peer_id === kill.server_id &&
          event.time >= kill.time &&
          event.time <= kill.time + boundMs,
      );
      if (!seen)
        problems.push(
          `server ${serverId} had not detected within ${boundMs} ms that server ${kill.server_id} was killed at ${kill.time.toFixed(1)}`,
        );
    }
  }
  return ruleResult('S3', problems);
}

/**
 * Returns true if anything else changes around that time for the killed server or the other one: a heal with links still
 * settling, or another kill of the server.
 */
function changesWithin(history: History, kill: FaultEvent, serverId: number, boundMs: number): boolean {
  return history.faults.some(
    (fault) =>
      fault !== kill &&
      Math.abs(fault.time - kill.time) <= boundMs * 4 &&
      fault.action !== 'restart' &&
      (fault.action === 'kill' ? fault.server_id === kill.server_id : concerns(fault, serverId, kill.server_id)),
  );
}

function isAway(history: History, serverId: number, atMs: number, boundMs: number): boolean {
  const around = { fromMs: atMs - boundMs * 4, toMs: atMs + boundMs };
  return absences(history, serverId).some((absence) => overlapMs(absence, around) >= 0);
}

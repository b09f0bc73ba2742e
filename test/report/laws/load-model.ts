/** The requests of one machine of a random run: an open or a closed loop of clients, and a cluster that has faults. */
import { neverSent } from '../../../src/core/metrics/failure-reasons';
import type { FailureReason, RequestRecord } from '../../../src/core/metrics/record';
import type { Random } from '../../../src/core/environment';
import { toMicros } from '../../../src/core/to-micros';
import { request, T0 } from '../lab';
import { type FaultSpan, type Plan, RUN_ID, TIMEOUT_MS } from './run-model';

export interface Load {
  machineId: number;
  records: RequestRecord[];
  /** Milliseconds into the run. */
  endedMs: number;
  ratePerSecond: number;
  thinkMs: number;
}

interface Setting {
  plan: Plan;
  spans: readonly FaultSpan[];
  random: Random;
}

/** The course of a request from its send. */
interface Course {
  serviceMs: number;
  reason: FailureReason | null;
  serverId: number | null;
  retries: number;
  isHedged: boolean;
}

/** A request before the run's end is known; milliseconds into the run. `course` is null if it was never sent. */
interface Ask {
  clientId: number;
  id: number;
  dueMs: number;
  sentMs: number;
  image: number;
  course: Course | null;
}

const IMAGES = ['small.png', 'medium.jpg', 'large.png'];
const USUAL_MS = 20;
/** A run stops starting requests at this multiple of the planned number. */
const MOST = 1.5;

/** Returns the load of one machine; its records are in the order of their ends, as a run writes them. */
export function loadOf(setting: Setting, machineId: number): Load {
  const { plan } = setting;
  const share = Math.max(1, Math.round(plan.requests / plan.machines));
  const durationMs = plan.secs * 1000;
  const ratePerSecond = share / plan.secs;
  const thinkMs = Math.max(5, Math.round((plan.clients * durationMs) / share) - USUAL_MS);
  const asks = plan.isOpen ? openLoop(setting, ratePerSecond) : closedLoop(setting, thinkMs, share * MOST);
  const lastEndMs = Math.max(...asks.map(endOf));
  const endedMs = toMicros(Math.max(durationMs, Math.min(lastEndMs, durationMs + plan.graceMs)));
  const records = asks.map((ask) => recordOf(ask, endedMs));
  records.sort((a, b) => a.start_time + a.latency_ms - b.start_time - b.latency_ms);
  return { machineId, records, endedMs, ratePerSecond, thinkMs };
}

/** Each client sends its next request a think time after its last one ended. */
function closedLoop(setting: Setting, thinkMs: number, most: number): Ask[] {
  const { plan, random } = setting;
  const asks: Ask[] = [];
  for (let clientId = 1; clientId <= plan.clients; clientId++) {
    let dueMs = random() * thinkMs;
    for (let id = 1; dueMs < plan.secs * 1000 && (id - 1) * plan.clients < most; id++) {
      const image = Math.floor(random() * plan.images);
      const course = courseOf(setting, image, dueMs);
      asks.push({ clientId, id, dueMs, sentMs: dueMs, image, course });
      dueMs += course.serviceMs + thinkMs;
    }
  }
  return asks;
}

/** The client that has been free for longest sends the next request; one that waits longer than the timeout is missed. */
function openLoop(setting: Setting, ratePerSecond: number): Ask[] {
  const { plan, random } = setting;
  const freeMs = Array.from({ length: plan.clients }, () => 0);
  const lastIds = freeMs.map(() => 0);
  const asks: Ask[] = [];
  let missed = 0;
  const count = Math.round(ratePerSecond * plan.secs);
  for (let at = 0; at < count; at++) {
    const dueMs = (at * 1000) / ratePerSecond;
    const image = Math.floor(random() * plan.images);
    const first = freeMs.indexOf(Math.min(...freeMs));
    const sentMs = Math.max(dueMs, freeMs[first]!);
    const isMissed = sentMs - dueMs > TIMEOUT_MS;
    const client = isMissed ? missed++ % plan.clients : first;
    const course = isMissed ? null : courseOf(setting, image, sentMs);
    if (course !== null) freeMs[client] = sentMs + course.serviceMs;
    asks.push({ clientId: client + 1, id: ++lastIds[client]!, dueMs, sentMs, image, course });
  }
  return asks;
}

/** Returns the end of a request; that of a missed one is when it was given up. */
function endOf({ dueMs, sentMs, course }: Ask): number {
  return course === null ? dueMs + TIMEOUT_MS + 1 : sentMs + course.serviceMs;
}

function recordOf(ask: Ask, endedMs: number): RequestRecord {
  const { clientId, id, image, course } = ask;
  const dueMs = toMicros(ask.dueMs);
  const isCut = endOf(ask) > endedMs;
  const untilMs = Math.min(endOf(ask), endedMs);
  const wasSent = course !== null && ask.sentMs < endedMs;
  const isGivenUp = course === null && !isCut;
  const reason = isGivenUp ? neverSent(TIMEOUT_MS) : (course?.reason ?? null);
  const outcome = isGivenUp
    ? 'failure'
    : !wasSent
      ? 'unsent'
      : isCut
        ? 'interrupted'
        : course.reason === null
          ? 'success'
          : 'failure';
  return request(id, dueMs, {
    client_id: clientId,
    run_id: RUN_ID,
    image: IMAGES[image]!,
    outcome,
    success: outcome === 'success',
    start_time: toMicros(T0 + dueMs),
    latency_ms: toMicros(Math.max(0, untilMs - dueMs)),
    service_ms: wasSent ? toMicros(Math.max(0, untilMs - ask.sentMs)) : 0,
    failure_reason: outcome === 'failure' ? reason : null,
    assigned_server_id: wasSent ? course.serverId : null,
    retry_count: wasSent ? course.retries : 0,
    hedged: wasSent && course.isHedged,
    ...(wasSent && isWrongFirst(ask) && { wrong_carriers: [course.serverId === 1 ? 2 : 1] }),
  });
}

/** In some runs, a few tasks are done elsewhere after a wrong carrier. */
function isWrongFirst({ clientId, id, image, dueMs }: Ask): boolean {
  return image === 0 && clientId === 1 && id % 9 === 4 && Math.floor(dueMs * 1000) % 4 === 1;
}

/** The time that a request takes, and how it ends, given the faults that it meets. */
function courseOf(setting: Setting, image: number, sentMs: number): Course {
  const { plan, random } = setting;
  const usualMs = 8 + 12 * image - 6 * Math.log(1 - random());
  if (random() * 1000 < plan.failuresPermille) return failed(setting, sentMs, 0);
  const met = setting.spans.find(({ startMs, feltMs }) => {
    return sentMs + usualMs >= startMs && sentMs < startMs + feltMs && random() < 0.6;
  });
  if (met === undefined || plan.effect === 'none') return answered(setting, sentMs, usualMs, 0);
  if (plan.effect === 'fail' && random() < 0.3) return failed(setting, sentMs, 1);
  const stalledMs = Math.min(met.startMs + met.feltMs - sentMs + usualMs, TIMEOUT_MS);
  return answered(setting, sentMs, stalledMs, random() < 0.5 ? 1 : 0);
}

/** A success of a server that is alive at its end, if there is one. */
function answered(setting: Setting, sentMs: number, serviceMs: number, retries: number): Course {
  const { random } = setting;
  const alive = aliveAt(setting, sentMs + serviceMs);
  const serverId = alive[Math.floor(random() * alive.length)];
  if (serverId === undefined) return failed(setting, sentMs, retries);
  return { serviceMs, reason: null, serverId, retries, isHedged: random() < 0.02 };
}

function failed(setting: Setting, sentMs: number, retries: number): Course {
  const { random } = setting;
  const alive = aliveAt(setting, sentMs);
  const serverId = alive[Math.floor(random() * alive.length)] ?? null;
  return { ...failureOf(random), serverId, retries, isHedged: false };
}

function failureOf(random: Random): Pick<Course, 'serviceMs' | 'reason'> {
  const kind = random();
  if (kind < 0.5) return { serviceMs: 1 + 4 * random(), reason: 'Connection refused' };
  if (kind < 0.8) return { serviceMs: TIMEOUT_MS + random(), reason: 'Request timeout after 10s' };
  if (kind < 0.97) return { serviceMs: 500 + 500 * random(), reason: 'No leader available' };
  return { serviceMs: 20 + 20 * random(), reason: 'Verification failed' };
}

function aliveAt({ plan, spans }: Setting, atMs: number): number[] {
  const ids = Array.from({ length: plan.servers }, (_, index) => index + 1);
  const isDown = (id: number): boolean =>
    spans.some(
      ({ kind, serverId, doneMs, healMs }) =>
        serverId === id && kind !== 'delay' && kind !== 'loss' && atMs >= doneMs && atMs < (healMs ?? Infinity),
    );
  return ids.filter((id) => !isDown(id));
}

import * as fc from 'fast-check';
import { MAX_TERM } from '../../../src/core/election/term';
import { oneLine } from '../../../src/core/printable';
import type { Message, MessageFields, MessageKind } from '../../../src/core/protocol';
import { codePoint } from '../../support/code-points';

const count = fc.maxSafeNat();
/** A whole number up to and including `max`, often at the limits. */
const upTo = (max: number): fc.Arbitrary<number> =>
  fc.oneof({ weight: 4, arbitrary: fc.maxSafeNat().map((value) => value % (max + 1)) }, fc.constantFrom(0, max));
const id = upTo(2 ** 32 - 1);
const term = upTo(MAX_TERM);
const questionId = upTo(2 ** 50);
const hops = upTo(1024);
const from0 = (max: number): fc.Arbitrary<number> => fc.double({ min: 0, max, noNaN: true }).map((value) => value + 0);
const unixSecs = from0(253_402_300_799);
const incarnation = fc.stringMatching(/^[0-9a-f]{1,16}$/);
const num = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value));
const name = fc.string({ maxLength: 40, unit: codePoint });
/** Texts for people, in the form in which they are read. */
const shown = fc.string({ maxLength: 7, unit: codePoint }).map(oneLine);
const orNull = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(of, { nil: null });
const phase = fc.constantFrom('starting' as const, 'ready' as const, 'leaving' as const);
const from = { from_id: id, term };
const leadership = { term, leader_id: orNull(id) };
const assignment = { assigned_server_id: orNull(id), assigned_server_address: orNull(shown) };
const named = { client_name: name, request_id: count };
const task = { run_id: name, ...named };

type Model<T> = { [F in keyof T]-?: fc.Arbitrary<NonNullable<T[F]>> | fc.Arbitrary<T[F]> };

const MODELS: { [K in MessageKind]: Model<MessageFields[K]> } = {
  Subscribe: { from_id: id },
  Election: { ...from, priority: from0(101).map((value) => value - 1), incarnation },
  Alive: from,
  Yield: from,
  Coordinator: { leader_id: id, term },
  Heartbeat: {
    ...leadership,
    hears: fc.array(id, { maxLength: 5 }),
    from_id: id,
    timestamp: unixSecs,
    load: from0(100),
    incarnation,
    workers: upTo(1024),
    task_ms: upTo(86_400_000),
    phase,
  },
  Leave: from,
  LeaderCheck: { check_id: questionId, hops_left: hops },
  LeaderCheckResponse: { ...leadership, check_id: questionId, lives: fc.boolean() },
  LeaderQuery: {},
  LeaderResponse: { ...leadership, leader_address: orNull(shown) },
  TaskAssignmentRequest: {
    ...task,
    excluded_server_ids: fc.array(id, { maxLength: 5 }),
    relay: fc.record({ id: questionId, hops_left: hops }),
    timeout_ms: num,
    secret_bytes: count,
    waiting_ms: upTo(86_400_000),
  },
  TaskAssignmentResponse: {
    ...leadership,
    ...assignment,
    request_id: count,
    relay_id: questionId,
    retry_after_ms: upTo(86_400_000),
  },
  TaskRequest: { ...task, assigned_by_leader: id, timeout_ms: num },
  TaskResponse: {
    request_id: count,
    success: fc.boolean(),
    error_message: orNull(shown),
    error_code: shown,
    retry_after_ms: upTo(86_400_000),
    server_id: id,
  },
  TaskAck: task,
  TaskStatusQuery: task,
  TaskStatusResponse: { ...assignment, request_id: count },
  TaskCancel: task,
  HistoryAdd: { ...task, assigned_server_id: id, timestamp: unixSecs },
  HistoryRemove: task,
  HistorySyncResponse: {
    from_server_id: id,
    history_entries: fc.array(fc.tuple(name, count, id, unixSecs), { minLength: 2, maxLength: 2 }),
    run_ids: fc.array(name, { minLength: 2, maxLength: 2 }),
  },
  StatusQuery: {},
  StatusResponse: {
    ...leadership,
    server_id: id,
    address: shown,
    phase,
    incarnation: shown,
    version: shown,
    uptime_secs: num,
    load: num,
    workers: count,
    active: count,
    queued: count,
    tasks_done: count,
    outstanding: fc.dictionary(fc.nat(9999).map(String), count, { noNullPrototype: true }),
    peers: fc.array(fc.record({ id, address: shown, up: fc.boolean() }, { noNullPrototype: true }), { maxLength: 3 }),
  },
  Error: { code: shown, message: shown },
};

const OPTIONAL = new Set(['run_id', 'excluded_server_ids', 'relay', 'relay_id', 'timeout_ms', 'error_code', 'run_ids']);

export const KINDS = Object.keys(MODELS) as MessageKind[];

/** A message of the kind, with or without optional fields. */
export function messageOf(kind: MessageKind): fc.Arbitrary<Message> {
  const model: Record<string, fc.Arbitrary<unknown>> = { kind: fc.constant(kind), ...MODELS[kind] };
  const requiredKeys = Object.keys(model).filter((key) => !OPTIONAL.has(key));
  return fc.record(model, { requiredKeys, noNullPrototype: true }) as unknown as fc.Arbitrary<Message>;
}

export const anyMessage = fc.constantFrom(...KINDS).chain(messageOf);

import * as fc from 'fast-check';
import type { Message, MessageFields, MessageKind } from '../../../src/core/protocol';

const id = fc.maxSafeNat();
const num = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value));
const name = fc.string({ maxLength: 40, unit: 'binary' });
const orNull = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(of, { nil: null });
const phase = fc.constantFrom('starting' as const, 'ready' as const, 'leaving' as const);
const from = { from_id: id, term: id };
const leadership = { term: id, leader_id: orNull(id) };
const assignment = { assigned_server_id: orNull(id), assigned_server_address: orNull(name) };
const named = { client_name: name, request_id: id };
const task = { run_id: name, ...named };

type Model<T> = { [F in keyof T]-?: fc.Arbitrary<NonNullable<T[F]>> | fc.Arbitrary<T[F]> };

const MODELS: { [K in MessageKind]: Model<MessageFields[K]> } = {
  Subscribe: { from_id: id },
  Election: { ...from, priority: num, incarnation: name },
  Alive: from,
  Yield: from,
  Coordinator: { leader_id: id, term: id },
  Heartbeat: {
    ...leadership,
    hears: fc.array(id, { maxLength: 5 }),
    from_id: id,
    timestamp: num,
    load: num,
    incarnation: name,
    workers: id,
    phase,
  },
  Leave: from,
  LeaderCheck: { check_id: id, hops_left: id },
  LeaderCheckResponse: { ...leadership, check_id: id, lives: fc.boolean() },
  LeaderQuery: {},
  LeaderResponse: { ...leadership, leader_address: orNull(name) },
  TaskAssignmentRequest: {
    ...task,
    excluded_server_ids: fc.array(id, { maxLength: 5 }),
    relay: fc.record({ id, hops_left: id }),
  },
  TaskAssignmentResponse: { ...leadership, ...assignment, request_id: id, relay_id: id },
  TaskRequest: { ...task, assigned_by_leader: id, timeout_ms: num },
  TaskResponse: { request_id: id, success: fc.boolean(), error_message: orNull(name), error_code: name, server_id: id },
  TaskAck: task,
  TaskStatusQuery: task,
  TaskStatusResponse: { ...assignment, request_id: id },
  TaskCancel: task,
  HistoryAdd: { ...task, assigned_server_id: id, timestamp: num },
  HistoryRemove: task,
  HistorySyncResponse: {
    from_server_id: id,
    history_entries: fc.array(fc.tuple(name, id, id, num), { minLength: 2, maxLength: 2 }),
    run_ids: fc.array(name, { minLength: 2, maxLength: 2 }),
  },
  StatusQuery: {},
  StatusResponse: {
    ...leadership,
    server_id: id,
    address: name,
    phase,
    incarnation: name,
    version: name,
    uptime_secs: num,
    load: num,
    workers: id,
    active: id,
    queued: id,
    tasks_done: id,
    outstanding: fc.dictionary(fc.nat(9999).map(String), id, { noNullPrototype: true }),
    peers: fc.array(fc.record({ id, address: name, up: fc.boolean() }, { noNullPrototype: true }), { maxLength: 3 }),
  },
  Error: { code: name, message: name },
};

const OPTIONAL = new Set(['run_id', 'excluded_server_ids', 'relay', 'relay_id', 'timeout_ms', 'error_code', 'run_ids']);

export const KINDS = Object.keys(MODELS) as MessageKind[];

/** A message of the kind, optional fields there or not. */
export function messageOf(kind: MessageKind): fc.Arbitrary<Message> {
  const model: Record<string, fc.Arbitrary<unknown>> = { kind: fc.constant(kind), ...MODELS[kind] };
  const requiredKeys = Object.keys(model).filter((key) => !OPTIONAL.has(key));
  return fc.record(model, { requiredKeys, noNullPrototype: true }) as unknown as fc.Arbitrary<Message>;
}

export const anyMessage = fc.constantFrom(...KINDS).chain(messageOf);

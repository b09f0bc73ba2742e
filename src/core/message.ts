/**
 * Messages ↔ JSON values (docs/protocol.md). One table row per kind lists its fields and their types; the checks are
 * plain functions because they run for every message on every link.
 */
import { MAX_TERM } from './election/term';
import { ClusterError } from './errors';
import { fitsJson } from './json-text';
import { printable } from './printable';
import type { Message, MessageFields, MessageKind } from './protocol';

/** Measured as JSON, so that it bounds the frame: a control character is one character but six bytes of JSON. */
export const MAX_NAME_BYTES = 1024;
const MAX_IDS = 1024;
const MAX_TEXT_CHARS = 65_536;
/** The same limit as in configurations. */
const MAX_SERVER_ID = 2 ** 32 - 1;
const MAX_WORKERS = 1024;
/** A relayed request begins with one hop per peer. */
const MAX_HOPS = MAX_IDS;
/** Numbers the questions of one incarnation; far below the point where doubles lose integer precision. */
const MAX_QUESTION_ID = 2 ** 50;
/** The end of the year 9999. */
const MAX_UNIX_SECS = 253_402_300_799;
/** The priority of a sitting leader. */
const MIN_PRIORITY = -1;
const MAX_LOAD = 100;
/** 64 bits in hex. */
const INCARNATION = /^[0-9a-f]{1,16}$/;
const MAX_ENTRIES = 65_536;
/** A day: no server waits longer for a task. */
const MAX_DURATION_MS = 86_400_000;
const MAX_SHOWN_CHARS = 64;
/** Lengths to which texts for people, and a host with its port, are cut. */
const KEPT_TEXT_CHARS = 200;
const KEPT_LABEL_CHARS = 300;

interface Field {
  name: string;
  expected: string;
  isValid(value: unknown): boolean;
  /** Converts a valid value to the one that is kept; default: the value itself. */
  read?(value: unknown): unknown;
  /** 'required': present and not null; 'nullable': present; 'optional': left out if missing or null. */
  presence: 'required' | 'nullable' | 'optional';
  /** The value of a missing or null optional field; undefined leaves it out. */
  fallback?: number | null;
}

type Type = Pick<Field, 'expected' | 'isValid' | 'read'>;
type Fields = Record<string, unknown>;
type PeerFields = MessageFields['StatusResponse']['peers'][number];

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isServerId = (value: unknown): boolean => isCount(value) && (value as number) <= MAX_SERVER_ID;
const isNumber = (value: unknown): boolean => Number.isFinite(value);
const isUnixSecs = (value: unknown): boolean => (value as number) >= 0 && (value as number) <= MAX_UNIX_SECS;
const isName = (value: unknown): boolean => typeof value === 'string' && fitsJson(value, MAX_NAME_BYTES);
const isArrayOf = (value: unknown, maxLength: number, isItem: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.length <= maxLength && value.every(isItem);

const isEntry = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length === 4 &&
  isName(value[0]) &&
  isCount(value[1]) &&
  isServerId(value[2]) &&
  isNumber(value[3]) &&
  isUnixSecs(value[3]);

const isPeer = (value: unknown): boolean =>
  isObject(value) && isServerId(value.id) && isName(value.address) && typeof value.up === 'boolean';

/** Keys must be decimal ids, which keeps out keys like `__proto__`. */
const isCountsById = (value: unknown): boolean => {
  if (!isObject(value)) return false;
  const ids = Object.keys(value);
  return ids.length <= MAX_ENTRIES && ids.every((id) => /^\d{1,10}$/.test(id) && isCount(value[id]));
};

/** A number from `least` to `most`; an integer if `kind` is `whole`. */
const range = (least: number, most: number, kind: 'whole' | 'any' = 'whole'): Type => ({
  expected: `a ${kind === 'whole' ? 'whole ' : ''}number from ${least} to ${most}`,
  isValid: (value) =>
    (kind === 'whole' ? Number.isSafeInteger(value) : isNumber(value)) &&
    (value as number) >= least &&
    (value as number) <= most,
});

/** No arithmetic uses these values: they are only echoed or shown. */
const count: Type = { expected: 'a non-negative integer', isValid: isCount };
const serverId = range(0, MAX_SERVER_ID);
const term = range(0, MAX_TERM);
const questionId = range(0, MAX_QUESTION_ID);
const unixSecs = range(0, MAX_UNIX_SECS, 'any');
const durationMs = range(0, MAX_DURATION_MS);
const number: Type = { expected: 'a number', isValid: isNumber };
const name: Type = { expected: `a string of at most ${MAX_NAME_BYTES} bytes as JSON`, isValid: isName };
const incarnation: Type = {
  expected: 'up to 16 hexadecimal digits',
  isValid: (value) => typeof value === 'string' && INCARNATION.test(value),
};
const bool: Type = { expected: 'true or false', isValid: (value) => typeof value === 'boolean' };
/**
 * Makes strings that are only displayed safe for a terminal and a single line, once, on arrival, so that code that
 * prints, logs or writes them need not care.
 */
const shownTo = (maxChars: number) => (value: unknown) => printable(value as string, maxChars);
const text: Type = {
  expected: `a string of at most ${MAX_TEXT_CHARS} characters`,
  isValid: (value) => typeof value === 'string' && value.length <= MAX_TEXT_CHARS,
  read: shownTo(KEPT_TEXT_CHARS),
};
const label: Type = { ...name, read: shownTo(KEPT_LABEL_CHARS) };
const code: Type = { ...name, read: shownTo(MAX_SHOWN_CHARS) };
const phase: Type = {
  expected: 'starting, ready or leaving',
  isValid: (value) => value === 'starting' || value === 'ready' || value === 'leaving',
};
const ids: Type = { expected: 'an array of ids', isValid: (value) => isArrayOf(value, MAX_IDS, isServerId) };
const names: Type = { expected: 'an array of names', isValid: (value) => isArrayOf(value, MAX_ENTRIES, isName) };
const hops = range(0, MAX_HOPS);
const relay: Type = {
  expected: `an object with id and hops_left (at most ${MAX_HOPS})`,
  isValid: (value) => isObject(value) && questionId.isValid(value.id) && hops.isValid(value.hops_left),
};
const entries: Type = {
  expected: 'an array of [client_name, request_id, server_id, timestamp]',
  isValid: (value) => isArrayOf(value, MAX_ENTRIES, isEntry),
};
const counts: Type = { expected: 'an object of counts by server id', isValid: isCountsById };
const peers: Type = {
  expected: 'an array of {id, address, up}',
  isValid: (value) => isArrayOf(value, MAX_IDS, isPeer),
  read: (value) =>
    (value as PeerFields[]).map(({ id, address, up }) => ({ id, address: printable(address, KEPT_LABEL_CHARS), up })),
};

type Cell = Type | Omit<Field, 'name'>;

const nullable = (type: Type): Omit<Field, 'name'> => ({ ...type, presence: 'nullable' });
const optional = (type: Type, fallback?: number | null): Omit<Field, 'name'> => ({
  ...type,
  presence: 'optional',
  fallback,
});

const task = { run_id: optional(name), client_name: name, request_id: count };
const from = { from_id: serverId, term };
const leadership = { term, leader_id: nullable(serverId) };
/** Between clients and servers the original sends no term and cannot express that there is no leader. */
const saidLeadership = { term: optional(term, 0), leader_id: optional(serverId, null) };
const assignment = {
  assigned_server_id: optional(serverId, null),
  assigned_server_address: optional(label, null),
};

/** The type turns a mismatch between the fields here and in protocol.ts into a compiler error. */
const ROWS: { [K in MessageKind]: { [F in keyof Required<MessageFields[K]>]: Cell } } = {
  Subscribe: { from_id: serverId },
  Election: { ...from, priority: range(MIN_PRIORITY, MAX_LOAD, 'any'), incarnation },
  Alive: from,
  Yield: from,
  Coordinator: { leader_id: serverId, term },
  Heartbeat: {
    from_id: serverId,
    timestamp: unixSecs,
    load: range(0, MAX_LOAD, 'any'),
    ...leadership,
    incarnation,
    workers: range(0, MAX_WORKERS),
    phase,
    hears: ids,
    task_ms: optional(durationMs),
  },
  Leave: from,
  LeaderCheck: { check_id: questionId, hops_left: hops },
  LeaderCheckResponse: { check_id: questionId, ...leadership, lives: bool },
  LeaderQuery: {},
  LeaderResponse: { ...saidLeadership, leader_address: optional(label, null) },
  TaskAssignmentRequest: {
    ...task,
    excluded_server_ids: optional(ids),
    relay: optional(relay),
    timeout_ms: optional(number),
    secret_bytes: optional(count),
    waiting_ms: optional(durationMs),
  },
  TaskAssignmentResponse: {
    request_id: count,
    ...assignment,
    ...saidLeadership,
    relay_id: optional(questionId),
    retry_after_ms: optional(durationMs),
  },
  TaskRequest: { ...task, assigned_by_leader: serverId, timeout_ms: optional(number) },
  TaskResponse: {
    request_id: count,
    success: bool,
    error_message: optional(text, null),
    error_code: optional(code),
    retry_after_ms: optional(durationMs),
    server_id: optional(serverId),
  },
  TaskAck: task,
  TaskStatusQuery: task,
  TaskStatusResponse: { request_id: count, ...assignment },
  TaskCancel: task,
  HistoryAdd: { ...task, assigned_server_id: serverId, timestamp: unixSecs },
  HistoryRemove: task,
  HistorySyncResponse: { from_server_id: serverId, history_entries: entries, run_ids: optional(names) },
  StatusQuery: {},
  StatusResponse: {
    server_id: serverId,
    address: label,
    phase,
    incarnation: label,
    version: label,
    uptime_secs: number,
    load: number,
    workers: count,
    active: count,
    queued: count,
    tasks_done: count,
    outstanding: counts,
    peers,
    ...leadership,
  },
  Error: { code, message: text },
};

/** A Map rather than an object, because a peer chooses the name that is looked up. */
const FIELDS_OF = new Map<string, Field[]>(
  Object.entries(ROWS).map(([kind, row]) => [
    kind,
    Object.entries<Cell>(row).map(([fieldName, type]) => ({ presence: 'required', ...type, name: fieldName })),
  ]),
);

const JSON_HEAD_OF = new Map<string, string>(
  [...FIELDS_OF.keys()].map((kind) => [kind, `{"kind":${JSON.stringify(kind)}`]),
);

/**
 * Checks a parsed JSON value and converts it to a message; unknown fields are dropped.
 * @throws ClusterError `unknown_message` for an unknown kind, `bad_message` for a missing or wrong field
 */
export function parseMessage(value: unknown): Message {
  const kind = typeof value === 'string' ? value : onlyKeyOf(value);
  const fields = FIELDS_OF.get(kind);
  if (fields === undefined) throw new ClusterError('unknown_message', `unknown message ${shown(kind)}`);
  const source = typeof value === 'string' ? {} : ((value as Fields)[kind] ?? {});
  if (!isObject(source)) throw new ClusterError('bad_message', `${kind}: expected an object`);
  const message: Fields = { kind };
  for (const field of fields) {
    const given = source[field.name];
    if (given !== undefined && given !== null) {
      if (!field.isValid(given)) throw wrongField(kind, field);
      message[field.name] = field.read === undefined ? given : field.read(given);
    } else if (field.presence === 'optional') {
      if (field.fallback !== undefined) message[field.name] = field.fallback;
    } else {
      if (field.presence === 'required' || given === undefined) throw wrongField(kind, field);
      message[field.name] = null;
    }
  }
  if (kind === 'HistorySyncResponse') checkParallel(message);
  return message as unknown as Message;
}

function onlyKeyOf(value: unknown): string {
  if (!isObject(value)) throw new ClusterError('bad_message', 'expected {"Kind":{…}} or "Kind"');
  const [kind, ...others] = Object.keys(value);
  if (kind === undefined || others.length > 0) {
    throw new ClusterError(
      'bad_message',
      `expected one message, got an object with ${others.length + (kind ? 1 : 0)} keys`,
    );
  }
  return kind;
}

function checkParallel(message: Fields): void {
  const { history_entries: list, run_ids: runIds } = message as { history_entries: unknown[]; run_ids?: unknown[] };
  if (runIds !== undefined && runIds.length !== list.length) {
    throw new ClusterError('bad_message', 'HistorySyncResponse.run_ids: expected one for each of history_entries');
  }
}

function wrongField(kind: string, field: Field): ClusterError {
  return new ClusterError('bad_message', `${kind}.${field.name}: expected ${field.expected}`);
}

function shown(kind: string): string {
  return `"${printable(kind, MAX_SHOWN_CHARS)}"`;
}

/** Returns the message as externally tagged JSON; a message without fields is the bare string. */
export function messageToJson(message: Message): string {
  const json = JSON.stringify(message);
  const head = JSON_HEAD_OF.get(message.kind);
  // `kind` is nearly always the first key: then only the head of the text needs replacing.
  if (head !== undefined && json.startsWith(head)) {
    if (FIELDS_OF.get(message.kind)?.length === 0) return `"${message.kind}"`;
    const hasFields = json[head.length] === ',';
    return `{"${message.kind}":{${json.slice(head.length + (hasFields ? 1 : 0))}}`;
  }
  const { kind, ...fields } = message;
  return Object.keys(fields).length === 0 ? JSON.stringify(kind) : JSON.stringify({ [kind]: fields });
}

/** Bytes that a server might receive: valid, almost valid, and invalid. They all follow from the random numbers. */
import type { Random } from '../../src/core/environment';
import { envelopeHead, frame, plain } from '../support/raw';

/** Makes random choices. */
export class Dice {
  constructor(private readonly random: Random) {}

  /** An integer from 0 to below `count`. */
  below(count: number): number {
    return Math.floor(this.random() * count);
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

const HUGE = [0, -1, 0.5, 255, 65_536, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e308, -1e308];
const NESTED = JSON.parse(`${'['.repeat(14)}1${']'.repeat(14)}`) as unknown;

function strange(dice: Dice): unknown {
  const texts = ['', 'x', '\u0000\u001b[2J\n', '\u202e', '\ud800', '__proto__', '127.0.0.1:1', 'x'.repeat(300)];
  return dice.pick<() => unknown>([
    () => dice.pick(HUGE),
    () => dice.pick(texts),
    () => dice.pick([null, true, [], {}, NESTED, [[]], { a: { b: {} } }]),
    () => Array.from({ length: dice.below(40) }, () => dice.pick(HUGE)),
    () => 'y'.repeat(dice.below(5000)),
  ])();
}

/** A valid message of any kind; ids are those of the cluster under test, or close to them. */
function messageOf(dice: Dice): [kind: string, fields: Record<string, unknown>] {
  const id = 1 + dice.below(4);
  const term = dice.chance(0.9) ? dice.below(20) : 2 ** 40 + dice.below(100);
  const task = { run_id: 'fuzz', client_name: `Fuzz_${dice.below(5)}`, request_id: dice.below(50) };
  const leadership = { term, leader_id: dice.chance(0.3) ? null : id };
  const from = { from_id: id, term };
  const incarnation = dice.pick(['ff', '0123456789abcdef', dice.bytes(8).toString('hex')]);
  const address = dice.pick(['127.0.0.1:9', '[::1]:9', 'nowhere.invalid:1']);
  const heard = { hears: [1, 2, 3], timestamp: 1, load: dice.below(100), workers: 4, incarnation };
  const status = { ...leadership, server_id: id, address, phase: 'ready', incarnation, version: '1', uptime_secs: 1 };
  const counts = { load: 1, workers: 2, active: 0, queued: 0, tasks_done: 3, outstanding: { 1: 2 } };
  return dice.pick<[string, Record<string, unknown>]>([
    ['Subscribe', { from_id: id }],
    ['Election', { ...from, priority: dice.below(200) - 100, incarnation }],
    ['Alive', from],
    ['Yield', from],
    ['Coordinator', { leader_id: id, term }],
    ['Heartbeat', { ...from, ...leadership, ...heard, phase: dice.pick(['starting', 'ready', 'leaving']) }],
    ['Leave', from],
    ['LeaderCheck', { check_id: dice.below(1000), hops_left: dice.below(4) }],
    ['LeaderCheckResponse', { ...leadership, check_id: dice.below(1000), lives: true }],
    ['LeaderQuery', {}],
    ['LeaderResponse', { ...leadership, leader_address: address }],
    ['TaskAssignmentRequest', { ...task, excluded_server_ids: [id], relay: { id: dice.below(9), hops_left: 2 } }],
    ['TaskAssignmentRequest', task],
    [
      'TaskAssignmentResponse',
      { ...leadership, request_id: 1, assigned_server_id: id, assigned_server_address: address, relay_id: 1 },
    ],
    ['TaskRequest', { ...task, assigned_by_leader: id, timeout_ms: dice.pick([1, 50, 1000, 60_000]) }],
    ['TaskRequest', { ...task, assigned_by_leader: id }],
    ['TaskResponse', { request_id: 1, success: dice.chance(0.5), error_message: 'no', error_code: 'overloaded' }],
    ['TaskAck', task],
    ['TaskStatusQuery', task],
    ['TaskStatusResponse', { assigned_server_id: id, assigned_server_address: address, request_id: 1 }],
    ['TaskCancel', task],
    ['HistoryAdd', { ...task, assigned_server_id: id, timestamp: 1 }],
    ['HistoryRemove', task],
    ['HistorySyncResponse', { from_server_id: id, history_entries: [['c', 1, id, 1]], run_ids: ['fuzz'] }],
    ['StatusQuery', {}],
    ['StatusResponse', { ...status, ...counts, peers: [{ id, address, up: true }] }],
    ['Error', { code: 'overloaded', message: 'fuzz' }],
  ]);
}

/** The message with some fields wrong, missing or added. */
function bent(dice: Dice, fields: Record<string, unknown>): Record<string, unknown> {
  const all = Object.entries(fields).map(([name, value]): [string, unknown] => [
    name,
    dice.chance(0.4) ? strange(dice) : value,
  ]);
  const left = dice.chance(0.3) ? all.filter(() => dice.chance(0.8)) : all;
  const more: [string, unknown][] = dice.chance(0.3) ? [[dice.pick(['x', '__proto__', 'kind']), strange(dice)]] : [];
  return Object.fromEntries([...left, ...more]);
}

/** One frame, valid or damaged. */
function oneFrame(dice: Dice): Buffer {
  const [kind, right] = messageOf(dice);
  const fields = dice.chance(0.5) ? right : bent(dice, right);
  const message = dice.chance(0.1) ? kind : { [kind]: fields };
  if (kind !== 'TaskRequest' && dice.chance(0.9)) return plain(message);
  const length = dice.pick([0, 1, 10, 1000, 70_000, 300_000]);
  const body = Buffer.alloc(length, dice.below(256));
  const form = dice.below(4);
  if (form === 0) return plain({ [kind]: { ...fields, secret_image_data: [...body.subarray(0, 2000)] } });
  if (form === 1) return plain({ [kind]: { ...fields, secret_image_data: body.toString('base64') } });
  return Buffer.concat([envelopeHead({ [kind]: fields }, length), body]);
}

/** Damages some bytes: changed, cut, doubled, or with a wrong length before them. */
export function damaged(dice: Dice, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  switch (dice.below(5)) {
    case 0:
      for (let count = 1 + dice.below(4); count > 0; count--) copy[dice.below(copy.length)] = dice.below(256);
      return copy;
    case 1:
      return copy.subarray(0, dice.below(copy.length));
    case 2:
      if (copy.length < 4) return copy;
      copy.writeUInt32BE(dice.pick([0, 1, 5, copy.length, 65_536, 60_000_000, 0xffff_ffff]));
      return copy;
    case 3:
      return Buffer.concat([copy.subarray(dice.below(copy.length)), copy]);
    default:
      return Buffer.concat([copy, dice.bytes(dice.below(20))]);
  }
}

const HTTP = [
  'GET / HTTP/1.1\r\n\r\n',
  'GET /metrics HTTP/1.0\r\n\r\n',
  'POST /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\n',
];

/** The next bytes to send; `hello`: the first bytes of a real TLS client. */
export function saying(dice: Dice, hello: Buffer): Buffer {
  const roll = dice.below(20);
  if (roll < 8) return oneFrame(dice);
  if (roll < 13) return damaged(dice, oneFrame(dice));
  if (roll < 15) return Buffer.concat(Array.from({ length: 1 + dice.below(30) }, () => oneFrame(dice)));
  if (roll === 15) return dice.bytes(1 + dice.below(2000));
  if (roll === 16) return dice.chance(0.5) ? hello : damaged(dice, hello);
  if (roll === 17) return Buffer.from(dice.pick(HTTP));
  if (roll === 18)
    return frame(dice.pick(['"', '{', '[[[[', '{"TaskRequest":{"secret_image_data":[1,2', '""', '{}', '1']));
  return Buffer.alloc(1 + dice.below(100_000), dice.pick([0, 0xff, 0x20, 0x7b, 0x16]));
}

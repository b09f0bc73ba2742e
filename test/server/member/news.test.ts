import { messageToJson } from '../../../src/core/message';
import type { Message, MessageOf } from '../../../src/core/protocol';
import { ACCEPTED_LIMITS, DIALED_LIMITS } from '../../../src/core/transport/wire/frame-limits';
import { encodeMessage } from '../../../src/core/transport/wire/frame';
import type { Effect } from '../../../src/server/member/effects';
import { PORTION_BYTES } from '../../../src/server/member/news';
import { conn, Rig, saidTo } from './member-rig';

/** Takes 1,020 bytes as JSON; a name may have 1,024. */
const LONGEST_NAME = '\u0001'.repeat(170);
const MOST_TASKS = 5120;
const PEER = 7;

/** The messages of each write to a connection. */
function writes(effects: Effect[], connId: number): Message[][] {
  return effects.flatMap((effect) =>
    effect.type === 'send' && effect.connIds.includes(connId) ? [effect.messages] : [],
  );
}

const bytesOf = (messages: Message[]): number => messages.reduce((sum, each) => sum + encodeMessage(each).length, 0);
const isNews = ({ kind }: Message): boolean => kind.startsWith('History');

/** Makes a server with as many tasks as its queue takes, all with names of maximum length. */
function busyRig(taskCount = MOST_TASKS): Rig {
  const rig = Rig.alone({ workers: 1, queueLimit: MOST_TASKS - 1 });
  for (let id = 1; id <= taskCount; id++) submit(rig, id);
  rig.pass(1);
  return rig;
}

function submit(rig: Rig, id: number): Effect[] {
  const name = { run_id: LONGEST_NAME, client_name: LONGEST_NAME, request_id: 2 ** 52 + id };
  const message = { kind: 'TaskRequest', ...name, assigned_by_leader: 1 } as const;
  return rig.step({ type: 'connMessage', conn: conn(1000 + id), message, executionId: id });
}

/** Another server that hears and believes the busy one. */
class Reader {
  readonly rig = Rig.follower();

  hear(effects: Effect[]): void {
    for (const message of writes(effects, PEER).flat()) if (isNews(message)) this.rig.peer(3, message);
  }

  get count(): number {
    return this.rig.member.assigner.ledger.outstanding(3);
  }
}

test('the longest list is sent in portions, completely, and nothing twice', () => {
  const rig = busyRig();
  const reader = new Reader();
  const first = rig.say(PEER, { kind: 'Subscribe', from_id: 2 });
  expect(saidTo(first, PEER).filter((kind) => kind.startsWith('History'))).toEqual(['HistorySyncResponse']);
  reader.hear(first);
  expect(reader.count).toBeGreaterThan(20);
  const rest = rig.pass(5000);
  for (const messages of writes([...first, ...rest], PEER))
    expect(bytesOf(messages)).toBeLessThan(PORTION_BYTES + 1024);
  reader.hear(rest);
  expect(reader.count).toBe(MOST_TASKS);
  expect(reader.rig.member.assigner.ledger.keysOf(3).toSorted()).toEqual(
    rig.member.assigner.ledger.keysOf(1).toSorted(),
  );
  expect(writes(rig.pass(500), PEER).flat().filter(isNews)).toEqual([]);
});

test('changes while the list is sent arrive in order: nothing is left over', () => {
  const rig = busyRig(200);
  const reader = new Reader();
  reader.hear(rig.say(PEER, { kind: 'Subscribe', from_id: 2 }));
  reader.hear(rig.step({ type: 'executed', executionId: 1, outcome: 'answered' }));
  for (let id = 120; id <= 200; id++) reader.hear(rig.step({ type: 'connClosed', connId: 1000 + id }));
  reader.hear(submit(rig, 300));
  // The same name again, while its first task may not have been sent.
  reader.hear(submit(rig, 150));
  reader.hear(rig.pass(2000));
  expect(reader.rig.member.assigner.ledger.keysOf(3).toSorted()).toEqual(
    rig.member.assigner.ledger.keysOf(1).toSorted(),
  );
  for (let id = 2; id <= 300; id++) reader.hear(rig.step({ type: 'connClosed', connId: 1000 + id }));
  reader.hear(rig.pass(2000));
  expect(reader.count).toBe(0);
});

test('others get changes at once while one is sent its list', () => {
  const rig = busyRig(200);
  rig.say(8, { kind: 'Subscribe', from_id: 3 });
  rig.pass(1000);
  rig.say(PEER, { kind: 'Subscribe', from_id: 2 });
  const effects = [...submit(rig, 300), ...rig.pass(1)];
  expect(saidTo(effects, 8)).toContain('HistoryAdd');
  expect(saidTo(effects, PEER)).toEqual([]);
  // Heartbeats do not wait for it.
  expect(saidTo(rig.pass(2000), PEER)).toContain('Heartbeat');
});

test('a burst of changes is sent in portions, too', () => {
  const rig = Rig.alone({ workers: 1, queueLimit: 999 });
  rig.say(PEER, { kind: 'Subscribe', from_id: 2 });
  const effects = Array.from({ length: 500 }, (_, id) => submit(rig, id)).flat();
  const told = writes([...effects, ...rig.pass(2000)], PEER);
  for (const messages of told) expect(bytesOf(messages)).toBeLessThan(PORTION_BYTES + 1024);
  expect(told.flat().filter(({ kind }) => kind === 'HistoryAdd')).toHaveLength(500);
});

test('what is in the list is not sent again after it', () => {
  const rig = Rig.alone({ workers: 1, queueLimit: 999 });
  for (let id = 1; id <= 200; id++) submit(rig, id);
  const reader = new Reader();
  reader.hear(rig.say(PEER, { kind: 'Subscribe', from_id: 2 }));
  reader.hear(rig.pass(2000));
  expect(reader.count).toBe(200);
});

test('nothing is kept for a connection that is gone', () => {
  const rig = busyRig(200);
  rig.say(PEER, { kind: 'Subscribe', from_id: 2 });
  rig.step({ type: 'connClosed', connId: PEER });
  expect(writes(rig.pass(2000), PEER)).toEqual([]);
});

describe('the longest message of a server', () => {
  const most = 2 ** 32 - 1;
  const ids = Array.from({ length: 1024 }, () => most);
  const term = 2 ** 48;
  const named = { run_id: LONGEST_NAME, client_name: LONGEST_NAME, request_id: Number.MAX_SAFE_INTEGER };
  const leadership = { term, leader_id: most };
  const toSubscribers: Message[] = [
    {
      kind: 'Heartbeat',
      from_id: most,
      timestamp: 253_402_300_799,
      load: 99.99,
      ...leadership,
      incarnation: 'f'.repeat(16),
      workers: 1024,
      phase: 'starting',
      hears: ids,
    } as MessageOf<'Heartbeat'>,
    { kind: 'Election', from_id: most, priority: 100 / 3, term, incarnation: 'f'.repeat(16) },
    { kind: 'Alive', from_id: most, term },
    { kind: 'Coordinator', leader_id: most, term },
    { kind: 'LeaderCheckResponse', check_id: 2 ** 50, ...leadership, lives: false },
    {
      kind: 'TaskAssignmentResponse',
      request_id: Number.MAX_SAFE_INTEGER,
      assigned_server_id: most,
      assigned_server_address: LONGEST_NAME,
      ...leadership,
      relay_id: 2 ** 50,
    } as MessageOf<'TaskAssignmentResponse'>,
    { kind: 'HistoryAdd', ...named, assigned_server_id: most, timestamp: 1_700_000_000.123_456 },
    { kind: 'HistoryRemove', ...named },
    { kind: 'Error', code: LONGEST_NAME, message: '\u0001'.repeat(65_536) },
  ];
  const toListeners: Message[] = [
    { kind: 'Subscribe', from_id: most },
    { kind: 'LeaderCheck', check_id: 2 ** 50, hops_left: 1024 },
    {
      kind: 'TaskAssignmentRequest',
      ...named,
      excluded_server_ids: ids,
      relay: { id: 2 ** 50, hops_left: 1024 },
    } as MessageOf<'TaskAssignmentRequest'>,
  ];

  it.each(toSubscribers)('to a subscribed peer fits its link: $kind', (message) => {
    expect(Buffer.byteLength(messageToJson(message))).toBeLessThan(DIALED_LIMITS.maxJsonBytes / 2);
  });

  it.each(toListeners)('to a peer that it dialed fits: $kind', (message) => {
    expect(Buffer.byteLength(messageToJson(message))).toBeLessThan(ACCEPTED_LIMITS.maxJsonBytes / 2);
  });
});

import type { ServerEvent } from '../../src/core/metrics/record';
import { EventsFile } from '../../src/server/events-file';

class Kept {
  readonly lines: string[] = [];
  isClosed = false;

  append(line: string): void {
    if (this.isClosed) throw new Error('closed');
    this.lines.push(line);
  }

  close(): void {
    this.isClosed = true;
  }

  get bytes(): number {
    return this.lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  }

  of(kind: string): ServerEvent[] {
    return this.lines.map((line) => JSON.parse(line) as ServerEvent).filter(({ event }) => event === kind);
  }

  leftOut(kind: string): number {
    return this.of('left_out').reduce(
      (sum, each) => sum + ((each as { counts: Record<string, number> }).counts[kind] ?? 0),
      0,
    );
  }
}

const MIB = 1024 * 1024;
const T0 = 1_700_000_000_000;
const assigned = (time: number, id: number, client_name = 'Machine_1_Client_1'): ServerEvent => ({
  time,
  server_id: 1,
  event: 'assigned',
  term: 1,
  to: 2,
  run_id: '6f13f0575dd5e079',
  client_name,
  request_id: id,
});
const executed = (time: number, id: number): ServerEvent => ({
  time,
  server_id: 1,
  event: 'executed',
  run_id: 'r',
  client_name: 'c',
  request_id: id,
  outcome: 'answered',
  incarnation: '6f13f0575dd5e079',
});
const sample = (time: number): ServerEvent => ({
  time,
  server_id: 1,
  event: 'sample',
  cpu_percent: 1,
  memory_bytes: 1,
  active: 0,
  queued: 0,
  ledger: 0,
  event_loop_delay_ms: 0,
});
const down = (time: number): ServerEvent => ({
  time,
  server_id: 1,
  event: 'peer_down',
  peer_id: 2,
  reason: 'restarted',
});

test('5,000 requests a second are recorded in full', () => {
  const kept = new Kept();
  const file = new EventsFile(kept);
  for (let index = 0; index < 30_000; index++) {
    const time = T0 + index / 5;
    file.append(assigned(time, index));
    file.append(executed(time, index));
  }
  expect([kept.of('assigned').length, kept.of('executed').length, kept.of('left_out').length]).toEqual([
    30_000, 30_000, 0,
  ]);
});

test('50,000 a second for 4 s: the file grows by its allowance, omitted events are counted once a second', () => {
  const kept = new Kept();
  const file = new EventsFile(kept);
  const count = 200_000;
  for (let index = 0; index < count; index++) {
    const time = T0 + index / 50;
    if (index % 50_000 === 0) file.append(sample(time));
    file.append(assigned(time, index));
  }
  file.close();
  expect(kept.isClosed).toBe(true);
  expect(kept.bytes).toBeLessThan(6.1 * MIB);
  expect(kept.of('assigned').length + kept.leftOut('assigned')).toBe(count);
  expect(kept.of('left_out').length).toBeLessThanOrEqual(10);
  expect(kept.of('sample')).toHaveLength(4);
});

test('names of maximum length count by their bytes', () => {
  const kept = new Kept();
  const file = new EventsFile(kept);
  for (let index = 0; index < 50_000; index++) file.append(assigned(T0 + index / 50, index, '日'.repeat(341)));
  expect(kept.bytes).toBeLessThan(3.1 * MIB);
  expect(kept.leftOut('assigned')).toBeGreaterThan(0);
});

test('the first omitted event is reported at once, with its own line', () => {
  const kept = new Kept();
  const told: unknown[] = [];
  const file = new EventsFile(kept, (counts) => told.push(counts));
  let index = 0;
  while (file.append(assigned(T0, index))) index += 1;
  expect(kept.of('assigned')).toHaveLength(index);
  expect(told).toEqual([{ assigned: 1 }]);
  expect(file.append(assigned(T0, 0))).toBe(false);
  expect(JSON.parse(kept.lines.at(-1)!)).toEqual({
    time: T0,
    server_id: 1,
    event: 'left_out',
    counts: { assigned: 1 },
  });
});

test('kinds have separate allowances, and rare events are always recorded', () => {
  const kept = new Kept();
  const file = new EventsFile(kept);
  for (let index = 0; index < 30_000; index++) file.append(assigned(T0, index));
  for (let index = 0; index < 20_000; index++) file.append(down(T0));
  file.append(executed(T0, 1));
  file.append({ time: T0, server_id: 1, event: 'stopping' });
  file.close();
  expect(kept.leftOut('peer_down')).toBeGreaterThan(0);
  expect([kept.of('executed').length, kept.of('stopping').length]).toEqual([1, 1]);
});

test('a clock that goes back neither adds to the allowance nor takes from it', () => {
  const kept = new Kept();
  const file = new EventsFile(kept);
  for (let index = 0; index < 1000; index++) file.append(assigned(T0 - index * 1e6, index));
  expect(kept.of('assigned')).toHaveLength(1000);
});

test('lines lost on a full disk are counted, counting lines too, and reported when there is space again', () => {
  const kept = new Kept();
  const events = new EventsFile(kept);
  events.append(assigned(T0, 1));
  events.append(assigned(T0, 2));
  events.append(executed(T0, 3));
  events.lost(kept.lines.splice(1));
  events.append(sample(T0 + 1000));
  const [told] = kept.of('left_out');
  expect(told).toMatchObject({ counts: { assigned: 1, executed: 1 } });
  events.lost(kept.lines.splice(1));
  events.append(sample(T0 + 2000));
  expect(kept.of('left_out')).toEqual([expect.objectContaining({ counts: { assigned: 1, executed: 1, sample: 1 } })]);
});

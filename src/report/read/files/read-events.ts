/** Reads the event files of the servers, and the file of faults. */
import { GRACEFUL_RESTART } from '../../../core/fault-kinds';
import type { ServerEvent } from '../../../core/metrics/record';
import { ClockCheck } from '../clock-check';
import { type Clocks, type FileClock, fixedClock } from '../clocks';
import { type FaultStep, type Inputs, type KeptEvent, MAX_SERVERS, type ServerLife, type TimedSample } from '../inputs';
import { parseEvent, parseFault } from '../parse-line';
import { readRecords } from './read-file';
import type { Interval } from '../../report';
import { runSpanOf } from '../run-span';
import { FastEventParser } from '../fast-parse-event';
import { Downsampled } from '../downsample';

/** Limits for each file, for memory and time. A cycle of faults that runs for a day has about 50,000. */
const MAX_EVENTS = 100_000;
const MAX_FAULTS = 50_000;

/** Samples up to this long before and after the run appear in its charts. */
const MARGIN_MS = 10_000;

/** Reads fault_events.ndjson and converts its times with `clock`. */
export function readFaults(file: string, inputs: Inputs, clock: FileClock = fixedClock(0)): void {
  let life = 0;
  const faults = new Latest<FaultStep>(MAX_FAULTS);
  const { unreadable, ...read } = readRecords(file, 'faults', parseFault, (fault) => {
    if ('event' in fault) {
      // A controller's first note.
      if (fault.by_ms === null) life += 1;
      return;
    }
    const { time, server_id, action, outcome } = fault;
    const detail = fault.detail?.startsWith(GRACEFUL_RESTART) ? GRACEFUL_RESTART : null;
    faults.add({ time: time - clock.of(life).offsetAt(time), server_id, action, outcome, detail });
  });
  inputs.files.push(read);
  if (unreadable) return void inputs.missing.push(`${file}: ${read.problems[0]}`);
  inputs.areFaultsDamaged = read.badLines > 0;
  inputs.faults = faults.told(file, inputs).sort((a, b) => a.time - b.time);
}

/** Reads server_{id}_events.ndjson files. Call it after reading records and faults, which select the executions. */
export function readEvents(files: readonly string[], inputs: Inputs, clocks: Clocks): void {
  const events: KeptEvent[][] = [];
  const serverIds = new Set<number>();
  const run = runSpanOf(inputs.records);
  const fastParser = new FastEventParser();
  const clockCheck = new ClockCheck();
  for (const file of files) {
    const clock = clocks.of(file);
    let life = 0;
    let lifeClock = clock.of(life);
    const kept = new Latest<KeptEvent>(MAX_EVENTS);
    let lastWords: LastWords | undefined;
    let lived: ServerLife | undefined;
    const take = (event: ServerEvent): void => {
      if (serverIds.size < MAX_SERVERS) serverIds.add(event.server_id);
      if (event.event === 'started') lifeClock = clock.of(++life);
      const timeMs = event.time - lifeClock.offsetAt(event.time);
      if (event.event === 'started' || lived === undefined) {
        lived = {
          serverId: event.server_id,
          fromMs: event.event === 'started' ? timeMs : -Infinity,
          lastMs: timeMs,
          hasStopped: false,
        };
        if (inputs.lives.length < MAX_EVENTS) inputs.lives.push(lived);
      }
      lived.lastMs = timeMs;
      if (event.event === 'stopped') lived.hasStopped = true;
      // A file belongs to one server.
      (lastWords ??= new LastWords(event.server_id, inputs)).hear(timeMs);
      if (event.event === 'executed') return execute(event, timeMs, inputs, clockCheck);
      event.time = timeMs;
      if (event.event === 'sample') keep(event, run, inputs);
      else if (event.event === 'left_out') noteLeftOut(event, run, inputs);
      else {
        const told = toldBy(event);
        if (told !== null) kept.add(told);
      }
    };
    const { unreadable, ...read } = readRecords(file, 'events', parseEvent, take, fastParser);
    // Assigned in `take`, which the compiler cannot see.
    (lastWords as LastWords | undefined)?.end();
    inputs.files.push(read);
    if (unreadable) inputs.missing.push(`${file}: ${read.problems[0]}`);
    events.push(kept.told(file, inputs));
  }
  if (serverIds.size > 0) inputs.events = events.flat().sort((a, b) => a.time - b.time);
  inputs.eventServerIds = [...serverIds].sort((a, b) => a - b);
  inputs.clockDoubts.push(...clockCheck.doubts());
}

/** Finds the last event that a server wrote before each of its kills. */
class LastWords {
  private readonly killsMs: number[];
  private lastMs = -Infinity;

  constructor(
    private readonly serverId: number,
    private readonly inputs: Inputs,
  ) {
    this.killsMs = (inputs.faults ?? [])
      .filter((fault) => fault.server_id === serverId && fault.action === 'kill')
      .map(({ time }) => time);
  }

  hear(timeMs: number): void {
    while (timeMs > this.killsMs[0]!) this.tell(this.killsMs.shift()!);
    this.lastMs = timeMs;
  }

  end(): void {
    for (const killMs of this.killsMs) this.tell(killMs);
  }

  private tell(killMs: number): void {
    const { serverId, inputs } = this;
    inputs.lastWords.push({ serverId, killMs, writtenMs: this.lastMs });
  }
}

/** Keeps the latest values: runs append to the same file, one after the other. */
class Latest<T> {
  private all: T[] = [];
  private left = 0;

  constructor(private readonly limit: number) {}

  add(value: T): void {
    if (this.all.push(value) >= this.limit * 2) this.cut();
  }

  /** Returns the values kept; notes how many were dropped, if any. */
  told(file: string, { notes }: Inputs): T[] {
    this.cut();
    if (this.left > 0) notes.push(`${file}: ${this.left} events older than the last ${this.limit} are ignored`);
    return this.all;
  }

  private cut(): void {
    this.left += Math.max(0, this.all.length - this.limit);
    this.all = this.all.slice(-this.limit);
  }
}

/** Drops unused fields, which may be of any size; null if the event is not kept. */
function toldBy(event: ServerEvent): KeptEvent | null {
  const { time, server_id } = event;
  switch (event.event) {
    case 'started':
    case 'stopped':
      return { time, server_id, event: event.event };
    case 'election':
      return { time, server_id, event: 'election', term: event.term };
    case 'leader':
      return { time, server_id, event: 'leader', term: event.term, leader_id: event.leader_id };
    case 'stepped_down':
      return { time, server_id, event: 'stepped_down', term: event.term, leader_id: event.leader_id };
    case 'peer_down':
      return { time, server_id, event: 'peer_down', peer_id: event.peer_id, reason: event.reason };
    case 'resumed':
      return { time, server_id, event: 'resumed', late_ms: event.late_ms };
    default:
      return null;
  }
}

function keep(sample: TimedSample & { server_id: number }, run: Interval | null, { samples }: Inputs): void {
  const { time, server_id: serverId } = sample;
  if (run !== null && (time < run.from - MARGIN_MS || time > run.to + MARGIN_MS)) return;
  const server = samples.get(serverId) ?? { samples: new Downsampled(worst), count: 0, behindCount: 0 };
  if (samples.size >= MAX_SERVERS && !samples.has(serverId)) return;
  samples.set(serverId, server);
  const { cpu_percent, memory_bytes, active, queued, event_loop_delay_ms } = sample;
  server.samples.add({ time, cpu_percent, memory_bytes, active, queued, event_loop_delay_ms });
  if (run !== null && (time < run.from || time > run.to)) return;
  server.count += 1;
  if (queued > 0 && queued >= active) server.behindCount += 1;
}

function noteLeftOut(event: Extract<ServerEvent, { event: 'left_out' }>, run: Interval | null, inputs: Inputs): void {
  const { time, server_id: serverId, counts } = event;
  if (run !== null && (time < run.from || time > run.to + MARGIN_MS)) return;
  const before = inputs.leftOut.get(serverId) ?? { executed: 0, others: 0 };
  if (inputs.leftOut.size >= MAX_SERVERS && !inputs.leftOut.has(serverId)) return;
  const { executed = 0, ...others } = counts;
  inputs.leftOut.set(serverId, {
    executed: before.executed + executed,
    others: Object.values(others).reduce((sum, count) => sum + count, before.others),
  });
}

function worst(earlier: TimedSample, later: TimedSample): TimedSample {
  const { max } = Math;
  return {
    time: earlier.time,
    cpu_percent: max(earlier.cpu_percent, later.cpu_percent),
    memory_bytes: max(earlier.memory_bytes, later.memory_bytes),
    active: max(earlier.active, later.active),
    queued: max(earlier.queued, later.queued),
    event_loop_delay_ms: max(earlier.event_loop_delay_ms, later.event_loop_delay_ms),
  };
}

function execute(
  event: Extract<ServerEvent, { event: 'executed' }>,
  timeMs: number,
  inputs: Inputs,
  clockCheck: ClockCheck,
): void {
  if (event.outcome !== 'answered') return;
  const tasks = inputs.tasks.find(event.run_id ?? '', event.client_name);
  if (tasks === undefined) return;
  inputs.executions += 1;
  tasks.execute(event.request_id);
  const asked = tasks.timesOf(event.request_id);
  if (asked !== undefined) clockCheck.add(event.server_id, event.client_name, timeMs, asked);
}

/** Watches the process that generates the load: a sample per second, and the verdict at the end. */
import { performance } from 'node:perf_hooks';
import type { Clock } from '../core/environment';
import { ClockWatch } from '../core/metrics/clock-watch';
import { LoopDelay } from '../core/system/loop-delay';
import { type ClockLine, type GeneratorSample, LATE_SEND_MS, type RequestRecord } from '../core/metrics/record';
import { GeneratorFold, type GeneratorSummary, SAMPLE_MS } from '../core/metrics/saturation';
import { ResidentMemory } from '../core/system/resident-memory';
import { type Reading, sampleBetween } from './progress/generator-sample';
import { toMicros } from '../core/to-micros';

export interface GeneratorWatchOptions {
  runId: string;
  clock: Clock;
  /** Reads figures that only the run knows; called at each sample. */
  look(): { inFlightCount: number; receivingCount: number };
  onSample(sample: GeneratorSample): void;
  /** Gets the clock offsets, at the start and when they change. */
  onClock?(line: ClockLine): void;
}

export class GeneratorWatch {
  /** The latest; null in the first second. */
  latest: GeneratorSample | null = null;
  sentCount = 0;
  lateCount = 0;
  private lateMs = 0;
  private endedCount = 0;
  private latencyMs = 0;
  private readonly fold = new GeneratorFold();
  private readonly loopDelay: LoopDelay;
  private readonly memory = new ResidentMemory();
  private readonly clockWatch = new ClockWatch();
  private before: Reading;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: GeneratorWatchOptions) {
    this.loopDelay = new LoopDelay(options.clock);
    this.before = this.read();
  }

  start(): void {
    this.before = this.read();
    this.lookAtClock();
    this.loopDelay.start();
    this.timer = setInterval(() => this.sample(), SAMPLE_MS);
  }

  /** A request was sent, `lateMs` later than it could have been if this process had been free. */
  sent(lateMs: number): void {
    this.sentCount += 1;
    if (lateMs <= LATE_SEND_MS) return;
    this.lateCount += 1;
    this.lateMs += lateMs;
  }

  ended({ outcome, latency_ms }: Pick<RequestRecord, 'outcome' | 'latency_ms'>): void {
    if (outcome !== 'success' && outcome !== 'failure') return;
    this.endedCount += 1;
    this.latencyMs += latency_ms;
  }

  /** Takes the last sample, which covers less than a second. */
  stop(): void {
    if (this.timer === undefined) return;
    clearInterval(this.timer);
    this.timer = undefined;
    this.sample();
    this.loopDelay.stop();
  }

  /** Summarizes all samples so far. */
  summary(): GeneratorSummary {
    return this.fold.summary();
  }

  private lookAtClock(): void {
    const { runId, clock, onClock } = this.options;
    const look = clock.look?.();
    const note = look && this.clockWatch.look(look);
    if (!note) return;
    const { time, ...rest } = note;
    onClock?.({ time, run_id: runId, event: 'clock', ...rest });
  }

  private sample(): void {
    this.lookAtClock();
    const { runId, clock, look, onSample } = this.options;
    const before = this.before;
    this.before = this.read();
    const { inFlightCount, receivingCount } = look();
    const sample = sampleBetween(before, this.before, {
      time: toMicros(clock.unixMs()),
      run_id: runId,
      memory_bytes: this.memory.bytes,
      event_loop_delay_ms: this.loopDelay.takeMaxMs(),
      in_flight: inFlightCount,
      verification_backlog: receivingCount,
    });
    this.latest = sample;
    this.fold.add(sample);
    onSample(sample);
  }

  private read(): Reading {
    const { user, system } = process.cpuUsage();
    const { active, idle } = performance.eventLoopUtilization();
    return {
      monotonicMs: this.options.clock.monotonicMs(),
      cpuMs: (user + system) / 1000,
      activeMs: active,
      idleMs: idle,
      sentCount: this.sentCount,
      lateCount: this.lateCount,
      lateMs: this.lateMs,
      endedCount: this.endedCount,
      latencyMs: this.latencyMs,
    };
  }
}

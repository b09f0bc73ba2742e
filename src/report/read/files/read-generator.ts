/** Reads the samples of a load generator, and the settings of its runs. */
import type { GeneratorSample, StressRunFile } from '../../../core/metrics/record';
import { machineOfFile } from '../../../core/metrics/run-file-names';
import { GeneratorFold } from '../../../core/metrics/saturation';
import { type FileClock, fixedClock, type LifeClock } from '../clocks';
import { readWhole } from './file-lines';
import type { GeneratorRead, Inputs } from '../inputs';
import { parseGeneratorSample, parseRunFile } from '../parse-line';
import { readRecords } from './read-file';
import { Downsampled } from '../downsample';

const MAX_SETTINGS = 100;
const MAX_TEXT_CHARS = 1000;

/**
 * Reads a machine_{n}_generator.ndjson. Call it after reading records and clients, which determine the selected runs.
 */
export function readGenerator(file: string, inputs: Inputs, clock: FileClock = fixedClock(0)): void {
  const taken = takenRuns(inputs);
  const machineId = machineOfFile(file);
  const generator: GeneratorRead = { machineId, samples: new Downsampled(worst), fold: new GeneratorFold() };
  let count = 0;
  const { unreadable, ...read } = readRecords(file, 'generator', parseGeneratorSample, (raw) => {
    if ('event' in raw || !taken.has(raw.run_id)) return;
    const sample = { ...raw, time: raw.time - clock.of(raw.run_id).offsetAt(raw.time) };
    generator.samples.add(sample);
    generator.fold.add(sample);
    count += 1;
  });
  inputs.files.push(read);
  if (unreadable) inputs.missing.push(`${file}: ${read.problems[0]}`);
  if (count > 0 && !inputs.generators.some((each) => isCopy(each, generator))) inputs.generators.push(generator);
}

/** Reads the plans of loads from machine_{n}_run.json files; others report what is wrong with these. */
export function plansOf(files: readonly string[]): StressRunFile[] {
  return files.flatMap((file) => {
    const read = readWhole(file);
    const parsed = 'problem' in read ? read : parseRunFile(read.text);
    return 'problem' in parsed ? [] : [parsed.ok];
  });
}

/** Reads a machine_{n}_run.json. Call it after reading records and clients, which determine the selected runs. */
export function readRunFile(file: string, inputs: Inputs, clock: FileClock = fixedClock(0)): void {
  const read = readWhole(file);
  const parsed = 'problem' in read ? read : parseRunFile(read.text);
  const problems = 'problem' in parsed ? [parsed.problem] : [];
  inputs.files.push({ path: file, kind: 'run', lines: 1, badLines: problems.length, problems });
  if ('problem' in read) inputs.missing.push(`${file}: ${read.problem}`);
  if ('problem' in parsed || !takenRuns(inputs).has(parsed.ok.run_id)) return;
  const isKnown = inputs.loads.some(({ run_id, machine_id }) => {
    return run_id === parsed.ok.run_id && machine_id === parsed.ok.machine_id;
  });
  if (!isKnown) inputs.loads.push(plain(parsed.ok, clock.of(parsed.ok.run_id)));
}

/** Returns true if both hold the samples of the same machine and run, read from different folders. */
function isCopy(one: GeneratorRead, other: GeneratorRead): boolean {
  const [a, b] = [one.samples.points[0]!, other.samples.points[0]!];
  return one.machineId === other.machineId && a.run_id === b.run_id && a.time === b.time;
}

function takenRuns({ records, clients }: Inputs): Set<string | null> {
  return new Set([...records, ...clients].map(({ runId }) => runId));
}

/** Keeps known fields only, and flat settings of the configuration: all of it appears in the report. */
function plain(file: StressRunFile, clock: LifeClock): StressRunFile {
  const { run_id, machine_id, command_line, version, node_version, host, cores, seed, warmup_secs } = file;
  const settings = Object.entries(file.config)
    .slice(0, MAX_SETTINGS)
    .filter(([, value]) => isFlat(value));
  return {
    run_id,
    machine_id,
    command_line,
    version,
    node_version,
    host,
    cores,
    seed,
    started_at: file.started_at - clock.offsetAt(file.started_at),
    ended_at: file.ended_at === null ? null : file.ended_at - clock.offsetAt(file.ended_at),
    warmup_secs,
    ...(file.ended_by === undefined ? {} : { ended_by: file.ended_by }),
    config: Object.fromEntries(settings),
  };
}

function isFlat(value: unknown): boolean {
  if (Array.isArray(value))
    return value.length <= MAX_SETTINGS && value.every((each) => !Array.isArray(each) && isFlat(each));
  return value === null || (typeof value !== 'object' && String(value).length <= MAX_TEXT_CHARS);
}

function worst(earlier: GeneratorSample, later: GeneratorSample): GeneratorSample {
  const { max } = Math;
  return {
    time: earlier.time,
    run_id: earlier.run_id,
    cpu_percent: max(earlier.cpu_percent, later.cpu_percent),
    memory_bytes: max(earlier.memory_bytes, later.memory_bytes),
    event_loop_delay_ms: max(earlier.event_loop_delay_ms, later.event_loop_delay_ms),
    event_loop_utilization_percent: max(earlier.event_loop_utilization_percent, later.event_loop_utilization_percent),
    in_flight: max(earlier.in_flight, later.in_flight),
    verification_backlog: max(earlier.verification_backlog, later.verification_backlog),
    sent: earlier.sent + later.sent,
    late_sends: earlier.late_sends + later.late_sends,
    late_total_ms: earlier.late_total_ms + later.late_total_ms,
    ended: earlier.ended + later.ended,
    latency_total_ms: earlier.latency_total_ms + later.latency_total_ms,
  };
}

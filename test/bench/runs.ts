/**
 * Default runs one after the other: what each of them proved, and what its report says of each fault beside what its raw
 * records say. The right half is counted here from the files alone, with no code of the report.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

interface Told {
  verdict: { text: string };
  audit: { adds_up: boolean | 'unknown' };
  rules: { rule: string; verdict: boolean | 'unknown' }[];
  faults: FaultTold[];
}

/** Milliseconds, and null for what is unknown. */
interface FaultTold {
  server_id: number;
  kind: string;
  start: number;
  felt_ms: number | null;
  recovered_ms: number | null;
  felt_at_least_ms: number | null;
  bad_requests: number | null;
  requests: number | null;
  failed: number | null;
  longest_ms: number | null;
}

interface RawRequest {
  dueMs: number;
  endMs: number;
  isFailure: boolean;
}

interface RawFault {
  serverId: number;
  kind: string;
  fromMs: number;
  healedMs: number;
}

const HEALS: readonly string[] = ['restart', 'resume', 'heal'];
/** A fault is followed for this long after it was healed. */
const AFTER_MS = 1000;
const FAULT_COLUMNS = ['fault', 'felt', 'recovered', 'bad', 'of', 'failed', 'longest'];
const RAW_COLUMNS = ['| due first', 'ended last', 'under way', 'failed', 'longest', 'gap', 'gap before'];

/** Runs `program run` `count` times, each in a folder of its own below `folder`, and prints each; finished runs stay. */
export function run(program: string, count: number, folder: string): void {
  for (let number = 1; number <= count; number++) {
    const at = path.join(folder, String(number));
    if (!existsSync(path.join(at, 'exit-code'))) {
      mkdirSync(at, { recursive: true });
      const { status, stdout, stderr } = spawnSync(program, ['run'], { cwd: at, encoding: 'utf8', maxBuffer: 1e9 });
      writeFileSync(path.join(at, 'output.txt'), `${stdout}${stderr}`);
      writeFileSync(path.join(at, 'exit-code'), String(status));
    }
    print(at, number);
  }
}

function print(at: string, number: number): void {
  const exitCode = readFileSync(path.join(at, 'exit-code'), 'utf8');
  const runs = path.join(at, 'runs');
  const folder = existsSync(runs) ? path.join(runs, readdirSync(runs)[0]!) : at;
  const file = path.join(folder, 'final_report.json');
  if (!existsSync(file)) return console.log(`${number}: exit ${exitCode}, no report`);
  const told = JSON.parse(readFileSync(file, 'utf8')) as Told;
  const words = (verdict: boolean | 'unknown'): string => (verdict === 'unknown' ? 'unknown' : verdict ? 'yes' : 'NO');
  const others = told.rules.filter(({ rule, verdict }) => rule !== 'S6' && verdict !== true).map(({ rule }) => rule);
  const s6 = told.rules.find(({ rule }) => rule === 'S6');
  const rules = `S6 ${s6 ? words(s6.verdict) : 'unknown'}, other rules ${others.length === 0 ? 'yes' : others.join(' ')}`;
  console.log(`${number}: exit ${exitCode}, ${rules}, audit ${words(told.audit.adds_up)}: ${told.verdict.text}`);
  const requests = requestsOf(path.join(folder, 'metrics', 'machine_1_requests.ndjson'));
  const rows = rawFaultsOf(path.join(folder, 'fault_events.ndjson')).map((fault) => [
    ...toldCells(fault, told.faults),
    ...rawCells(fault, requests),
  ]);
  const lines = [[...FAULT_COLUMNS, ...RAW_COLUMNS], ...rows];
  for (const cells of lines) console.log(`   ${cells.map((cell, index) => cell.padStart(index ? 10 : 14)).join(' ')}`);
}

function toldCells({ serverId, kind, fromMs }: RawFault, faults: readonly FaultTold[]): string[] {
  const told = faults.find((each) => each.server_id === serverId && Math.abs(each.start - fromMs) < 1000);
  const name = `${kind} ${serverId}`;
  if (told === undefined) return [name, ...FAULT_COLUMNS.slice(1).map(() => 'none')];
  const felt = told.felt_ms ?? (told.felt_at_least_ms === null ? null : `>=${told.felt_at_least_ms}`);
  const { recovered_ms, bad_requests, requests, failed, longest_ms } = told;
  return [name, ...[felt, recovered_ms, bad_requests, requests, failed, longest_ms].map(cell)];
}

/** Counts the requests under way from the start of the fault to a second after it was healed. */
function rawCells({ fromMs, healedMs }: RawFault, requests: readonly RawRequest[]): string[] {
  const toMs = healedMs + AFTER_MS;
  const touched = requests.filter(({ dueMs, endMs }) => dueMs <= toMs && endMs >= fromMs);
  const dueMs = Math.min(...touched.map((each) => each.dueMs)) - fromMs;
  const endMs = Math.max(...touched.map((each) => each.endMs)) - fromMs;
  const longestMs = Math.max(...touched.map((each) => each.endMs - each.dueMs));
  const failed = touched.filter(({ isFailure }) => isFailure).length;
  const gaps = [gapMs(requests, fromMs, toMs), gapMs(requests, fromMs - (toMs - fromMs), fromMs)];
  return [dueMs, endMs, touched.length, failed, longestMs, ...gaps].map((value, index) => {
    return `${index === 0 ? '| ' : ''}${cell(value)}`;
  });
}

/** The longest time between two successes that ended one after the other; it may begin before and end after. */
function gapMs(requests: readonly RawRequest[], fromMs: number, toMs: number): number {
  const ends = requests.filter(({ isFailure }) => !isFailure).map(({ endMs }) => endMs);
  const sorted = ends.sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((end, index) => ({ from: sorted[index]!, to: end }));
  return Math.max(0, ...gaps.filter(({ from, to }) => from < toMs && to > fromMs).map(({ from, to }) => to - from));
}

function requestsOf(file: string): RawRequest[] {
  return linesOf(file).map(({ start_time, latency_ms, success }) => {
    return { dueMs: Number(start_time), endMs: Number(start_time) + Number(latency_ms), isFailure: success !== true };
  });
}

function rawFaultsOf(file: string): RawFault[] {
  const lines = linesOf(file).filter(({ action }) => action !== undefined);
  const begun = lines.filter(({ action, outcome }) => outcome === 'started' && !HEALS.includes(String(action)));
  return begun.map(({ time, server_id, action }) => {
    const healed = lines.find((line) => {
      const isHeal = HEALS.includes(String(line.action)) && line.outcome === 'done';
      return isHeal && line.server_id === server_id && Number(line.time) > Number(time);
    });
    const healedMs = healed === undefined ? Infinity : Number(healed.time);
    return { serverId: Number(server_id), kind: String(action), fromMs: Number(time), healedMs };
  });
}

function linesOf(file: string): Record<string, unknown>[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

function cell(value: number | string | null): string {
  return value === null ? '-' : typeof value === 'string' ? value : String(Math.round(value));
}

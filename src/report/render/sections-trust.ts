/** The sections on audit, checks, generators, clocks, inputs and verdict of the text report. */
import { decimals } from '../../core/decimals';
import { wrongServersText } from '../../core/metrics/wrong-carriers';
import { foundText } from '../../core/metrics/threshold';
import { printable } from '../../core/printable';
import type { InputFile, GeneratorSeries, Report } from '../report';
import { missingRunFiles } from './run-file-text';
import { MAX_ROWS, counted, labelled, median, more, most, prose, table, whole } from './layout';

const NAME_CHARS = 40;
const PROBLEMS_SHOWN = 3;
const UNKNOWN_NOTE = 'unknown is not a violation: the events that would prove the rule are missing.';

export function auditRows({ audit: all }: Report): string[] {
  const addsUp = all.adds_up === 'unknown' ? 'unknown' : all.adds_up ? 'yes' : 'NO';
  const lost = all.adds_up === 'unknown' && all.lost ? `${whole(all.lost)} or fewer, see below` : counted(all.lost);
  return [
    labelled('Requests', whole(all.requests)),
    labelled('Successes', whole(all.successes)),
    labelled('Executions', counted(all.executions)),
    labelled('Repeated', counted(all.repeated)),
    labelled('Hedged', whole(all.hedged)),
    labelled('Lost', lost),
    labelled('Corrupted', corruptedText(all)),
    labelled('Adds Up', addsUp),
    ...prose(`  ${all.why}`),
  ];
}

/** Formats `3 (server 2: 3)`. */
function corruptedText({ corrupted, corrupted_by: by }: Report['audit']): string {
  return corrupted === 0 ? '0' : `${whole(corrupted)} (${wrongServersText(by)})`;
}

export function checkRows({ rules = [] }: Report): string[] {
  const rows = rules.flatMap(({ rule, verdict, problems }) => {
    const word = verdict === 'unknown' ? 'unknown' : verdict ? 'holds' : 'VIOLATED';
    const why = problems.slice(0, PROBLEMS_SHOWN).flatMap((text) => prose(`  ${text}`));
    return [labelled(printable(rule, 20), word), ...why];
  });
  return rules.some(({ verdict }) => verdict === 'unknown') ? [...rows, ...prose(UNKNOWN_NOTE)] : rows;
}

export function generatorRows({ generators: all }: Report): string[] {
  if (all.length === 0) return ['unknown: there are no samples of the load generators'];
  const head = ['Machine', 'sent', 'late', 'cpu %', 'max', 'loop ms', 'in flight', 'unverified'];
  const rows = all
    .slice(0, MAX_ROWS)
    .map((each) => [
      `Machine ${each.machine_id}`,
      ...[each.sent, each.late_sends].map(whole),
      ...[median(each.cpu_percent), most(each.cpu_percent), most(each.event_loop_delay_ms)].map((n) => n.toFixed(1)),
      ...[most(each.in_flight), most(each.verification_backlog)].map(whole),
    ]);
  return [...table(head, rows), ...more(all.length), ...all.slice(0, MAX_ROWS).flatMap(bottleneck)];
}

export function clockRows({ clocks }: Report): string[] {
  if (clocks.length === 0) return [];
  const rows = clocks
    .slice(0, MAX_ROWS)
    .map(({ machine, offset_ms, uncertainty_ms }) => [
      printable(machine, NAME_CHARS),
      `${offset_ms < 0 ? '' : '+'}${decimals(offset_ms)}`,
      `±${decimals(uncertainty_ms)}`,
    ]);
  return [...table(['Machine', 'ahead by ms', 'uncertainty'], rows), ...more(clocks.length)];
}

export function selfCheckRows({ self_check: texts }: Report): string[] {
  return texts.flatMap(prose);
}

export function inputRows(report: Report): string[] {
  const { inputs: all, runs, loads } = report;
  const lines = all.files.reduce((sum, file) => sum + file.lines, 0);
  const isTold = ({ path, problems }: InputFile): boolean => all.missing.includes(`${path}: ${problems[0]}`);
  const damaged = all.files.filter((file) => file.problems.length > 0 && !isTold(file));
  const taken = new Set(runs.filter((run) => run.taken).map((run) => run.run_id));
  return [
    labelled('Files', `${whole(all.files.length)} with ${whole(lines)} lines`),
    ...[...taken].slice(0, MAX_ROWS).map((id) => labelled('Run', printable(id, 60))),
    ...loads.slice(0, MAX_ROWS).flatMap(load),
    ...missingRunFiles(report).slice(0, MAX_ROWS).flatMap(prose),
    ...all.missing.slice(0, MAX_ROWS).flatMap((text) => prose(`Not read: ${text}`)),
    ...all.notes.slice(0, MAX_ROWS).flatMap((text) => prose(text)),
    ...damaged.slice(0, MAX_ROWS).flatMap((file) => prose(`${file.path}: ${file.problems.join('; ')}`)),
    ...more(damaged.length),
  ];
}

export function verdictRows({ verdict }: Report): string[] {
  return [...prose(verdict.text), ...(verdict.scale_text === null ? [] : prose(verdict.scale_text))];
}

export function thresholdRows({ thresholds }: Report): string[] {
  return thresholds.map((each) =>
    labelled(printable(each.expression, NAME_CHARS), `${each.passed ? 'passed' : 'CROSSED'} (${foundText(each)})`),
  );
}

function load({ machine_id, host, cores, version, seed, command_line }: Report['loads'][number]): string[] {
  const place = `${printable(host, NAME_CHARS)}, ${cores} cores, version ${printable(version, 20)}`;
  return prose(`Machine ${machine_id}: ${place}, seed ${seed}: ${command_line.join(' ')}`);
}

function bottleneck({ machine_id, saturated, why }: GeneratorSeries): string[] {
  return saturated ? prose(`Machine ${machine_id} was a bottleneck: ${why}`) : [];
}

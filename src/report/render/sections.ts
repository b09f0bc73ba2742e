/** Lists the sections that the text report adds to those of the guide, in order. */
import type { Report } from '../report';
import { section } from './layout';
import { balanceRows, faultRows, leaderRows, serverRows } from './sections-cluster';
import { curveRows, imageRows, phaseRows, trafficRows } from './sections-load';
import {
  auditRows,
  checkRows,
  clockRows,
  generatorRows,
  inputRows,
  selfCheckRows,
  thresholdRows,
  verdictRows,
} from './sections-trust';

const SECTIONS: readonly [string, (report: Report) => string[]][] = [
  ['FAULTS (milliseconds from the start of each)', faultRows],
  ['LATENCY BY PHASE (ms of all requests; below, service time of successes, from the send)', phaseRows],
  ['LATENCY BY IMAGE (ms of all requests)', imageRows],
  ['PERCENTILES (ms: latency of all requests, service time of successes)', curveRows],
  ['TRAFFIC', trafficRows],
  ['BALANCE (windows of 1 s outside faults)', balanceRows],
  ['SERVERS (median and maximum of their samples)', serverRows],
  ['LEADERS (seconds into the run)', leaderRows],
  ['AUDIT', auditRows],
  ['CHECKS', checkRows],
  ['LOAD GENERATORS (median CPU, then the maximum of each)', generatorRows],
  ['CLOCKS (against this machine)', clockRows],
  ['SELF-CHECK', selfCheckRows],
  ['INPUTS', inputRows],
  ['VERDICT', verdictRows],
  ['THRESHOLDS', thresholdRows],
];

/** Returns the added sections; one without rows is omitted. */
export function addedSections(report: Report): string[] {
  return SECTIONS.flatMap(([name, rowsOf]) => {
    const rows = rowsOf(report);
    return rows.length === 0 ? [] : section(name, rows);
  });
}

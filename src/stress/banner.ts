import type { Pacing } from '../config/client-config';
import { oneLine } from '../core/printable';

export interface BannerFacts {
  machineId: number;
  numClients: number;
  requests: { pacing: Pacing; totalRequests?: number; durationMs?: number };
  /** As the user knows them. */
  names: { images: string; clientConfig: string; metricsDir: string };
  meanImageBytes: number;
  /** When somebody else is expected to end it. */
  expectedMs?: number;
}

const RULE = '='.repeat(34);
const LABEL_CHARS = 20;

/** What a run is going to do, as the guide shows it, with the offered load below; whole lines. Pure. */
export function bannerText(facts: BannerFacts): string {
  const { machineId, numClients, requests, names } = facts;
  const delays = requests.pacing.mode === 'closed_loop' ? requests.pacing : undefined;
  const rows: [string, string][] = [
    ['Machine ID', String(machineId)],
    ['Number of Clients', String(numClients)],
    ['Requests/Client', requests.totalRequests === undefined ? 'no limit' : String(requests.totalRequests)],
    ['Min Delay (ms)', String(delays?.minDelayMs ?? 'none')],
    ['Max Delay (ms)', String(delays?.maxDelayMs ?? 'none')],
    ['Image Directory', names.images],
    ['Client Config', names.clientConfig],
    ['Metrics Output', names.metricsDir],
    ['Test Duration', durationText({ durationMs: facts.expectedMs, ...requests })],
    ...offeredRows(facts),
  ];
  const lines = rows.map(([label, text]) => `${label === '' ? '' : `${label}:`}`.padEnd(LABEL_CHARS) + oneLine(text));
  return [RULE, 'CloudP2P Stress Test Configuration', RULE, ...lines, RULE, ''].join('\n');
}

/** The think times only: how long servers take is not known before. */
function durationText({ pacing, totalRequests = Infinity, durationMs = Infinity }: BannerFacts['requests']): string {
  if (totalRequests === Infinity && durationMs === Infinity) return 'until it is ended';
  const thinkSecs = (totalRequests * meanGapMs(pacing)) / 1000;
  if (thinkSecs === 0)
    return `as long as the servers take${Number.isFinite(durationMs) ? `, at most ${durationMs / 1000} seconds` : ''}`;
  return `~${Math.round(Math.min(Number.isNaN(thinkSecs) ? Infinity : thinkSecs, durationMs / 1000))} seconds`;
}

/** What arrives when servers need no time: clients in a closed loop slow down with slow servers. */
function offeredRows({ requests, numClients, meanImageBytes }: BannerFacts): [string, string][] {
  const { pacing } = requests;
  const perSecond =
    pacing.mode === 'rate' ? pacing.ratePerSecond * numClients : (numClients * 1000) / meanGapMs(pacing);
  if (!Number.isFinite(perSecond)) return [['Offered Load', 'as fast as the servers answer']];
  return [
    ['Offered Load', `~${perSecond.toFixed(1)} requests/s`],
    ['', `~${((perSecond * meanImageBytes) / 1e6).toFixed(1)} MB/s of images`],
  ];
}

function meanGapMs(pacing: Pacing): number {
  return pacing.mode === 'rate' ? 1000 / pacing.ratePerSecond : (pacing.minDelayMs + pacing.maxDelayMs) / 2;
}

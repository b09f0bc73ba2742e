/** The banner that `stress` prints before the load, in the guide's format: its settings, then the offered load. */
import type { LoadShape } from '../../config/load-settings';
import { meanThinkMs } from '../../core/metrics/loop';
import { oneLine } from '../../core/printable';
import { offeredPerSecond, plannedMs } from '../../client/pacer.pure';

export interface BannerContent {
  machineId: number;
  numClients: number;
  requests: LoadShape;
  warmupMs: number;
  /** Names as the user wrote them. */
  names: { images: string; clientConfig: string; metricsDir: string };
  meanImageBytes: number;
  /** Set if something other than the limits is expected to end the run. */
  expectedMs?: number;
}

const RULE = '='.repeat(34);
const LABEL_CHARS = 20;

/** Returns whole lines. Pure. */
export function bannerText(content: BannerContent): string {
  const { machineId, numClients, requests, names } = content;
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
    ['Test Duration', durationText(content)],
    ...offeredRows(content),
    ...phaseRows(content),
  ];
  const lines = rows.map(([label, text]) => `${label === '' ? '' : `${label}:`}`.padEnd(LABEL_CHARS) + oneLine(text));
  return [RULE, 'CloudP2P Stress Test Configuration', RULE, ...lines, RULE, ''].join('\n');
}

/** Formats the duration from the schedule or the think times only: response times are not known in advance. */
function durationText({ requests, numClients, expectedMs = Infinity }: BannerContent): string {
  const { pacing, totalRequests } = requests;
  const durationMs = Math.min(requests.durationMs ?? Infinity, expectedMs);
  if (totalRequests === undefined && durationMs === Infinity) return 'until it is ended';
  if (totalRequests !== undefined && pacing.mode === 'closed_loop' && meanThinkMs(pacing) === 0)
    return `as long as the servers take${Number.isFinite(durationMs) ? `, at most ${durationMs / 1000} seconds` : ''}`;
  return `~${Math.round(plannedMs({ ...requests, durationMs }, numClients) / 1000)} seconds`;
}

function offeredRows({ requests, numClients, meanImageBytes }: BannerContent): [string, string][] {
  const { pacing } = requests;
  const perSecond = offeredPerSecond(pacing, numClients);
  if (!Number.isFinite(perSecond)) return [['Offered Load', 'as fast as the servers respond']];
  const images: [string, string] = ['', `~${((perSecond * meanImageBytes) / 1e6).toFixed(1)} MB/s of images`];
  if (pacing.mode === 'closed_loop') return [['Offered Load', `~${perSecond.toFixed(1)} requests/s`], images];
  const how = pacing.arrivals === 'uniform' ? 'evenly spaced' : 'at random (Poisson)';
  return [
    ['Offered Load', `${Number(perSecond.toFixed(3))} requests/s, ${how}, whatever the servers do`],
    images,
    ['In Flight', `at most ${numClients}, one per client; further requests wait`],
  ];
}

function phaseRows({ requests, warmupMs }: BannerContent): [string, string][] {
  const { pacing, rampUpMs } = requests;
  const what = pacing.mode === 'rate' ? 'the rate grows' : 'clients begin one after the other';
  return [
    ...(rampUpMs > 0 ? [['Ramp-up', `${rampUpMs / 1000} seconds: ${what}`] satisfies [string, string]] : []),
    ...(warmupMs > 0
      ? [['Warm-up', `${warmupMs / 1000} seconds, which thresholds leave out`] satisfies [string, string]]
      : []),
  ];
}

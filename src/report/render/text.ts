/** Renders final_report.txt: the guide's report to the character, followed by a block of additions. */
import type { Report } from '../report';
import { bar, DOUBLE, labelled, ms, percent, reasonRow, section, title, whole } from './layout';
import { addedSections } from './sections';

export function renderText(report: Report): string {
  const end = ['', DOUBLE, 'End of Report', DOUBLE];
  const guide = [
    ...title('CloudP2P Stress Test - Aggregated Metrics Report'),
    ...section('OVERALL STATISTICS', overall(report)),
    ...section('REQUEST LATENCY (Successful Requests)', latency(report)),
    ...section('LOAD BALANCING - Server Distribution', distribution(report)),
    ...section('FAILURE ANALYSIS', failures(report)),
  ];
  const added = [...title('CloudP2P Stress Test - Faults, Audit and Verdict'), ...addedSections(report)];
  return `${[...guide, ...end, '', ...added, ...end].join('\n')}\n`;
}

function overall(report: Report): string[] {
  return [
    labelled('Total Requests', whole(report.total_requests)),
    labelled('Successful Requests', whole(report.successful_requests)),
    labelled('Failed Requests', whole(report.failed_requests)),
    labelled('Failure Rate', `${report.failure_rate.toFixed(2)}%`),
  ];
}

function latency({ latency_stats: stats, successful_requests: successful }: Report): string[] {
  if (successful === 0) return ['No successful requests'];
  return [
    labelled('Minimum', ms(stats.min_ms)),
    labelled('Maximum', ms(stats.max_ms)),
    labelled('Average', ms(stats.avg_ms)),
    labelled('Median (P50)', ms(stats.median_ms)),
    labelled('95th Percentile', ms(stats.p95_ms)),
    labelled('99th Percentile', ms(stats.p99_ms)),
  ];
}

function distribution({ server_distribution: servers }: Report): string[] {
  const entries = Object.entries(servers);
  if (entries.length === 0) return ['No request was assigned to a server'];
  const all = entries.reduce((sum, [, count]) => sum + count, 0);
  return entries.map(([id, count]) =>
    `Server ${id.padStart(2)}: ${whole(count).padStart(8)} requests (${percent(count, all)}%) ${bar(count, all)}`.trimEnd(),
  );
}

function failures({ failure_reasons: reasons }: Report): string[] {
  const entries = Object.entries(reasons);
  if (entries.length === 0) return ['No failures'];
  const all = entries.reduce((sum, [, count]) => sum + count, 0);
  return entries.sort((a, b) => b[1] - a[1]).map(([reason, count]) => reasonRow(reason, count, all));
}

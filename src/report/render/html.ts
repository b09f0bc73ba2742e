/** Renders final_report.html: one file that works offline. */
import type { Report } from '../report';
import { axisOf, chartDataOf } from './html/chart-data';
import { curveChart, sampleCharts, timeCharts } from './html/charts';
import { page } from './html/document';
import { section } from './html/elements';
import { faultParts } from './html/faults';
import { headOf } from './html/head';
import { type Content, html, type Html } from './html/template';
import { againParts, checkParts, inputParts, leaderParts } from './html/run-sections';
import { auditParts, failureParts, latencyParts, serverParts } from './html/tables';

/** Equal reports give equal bytes. */
export function renderHtml(report: Report): string {
  const zeroMs = axisOf(report)?.from ?? 0;
  const all: [id: string, title: string, body: Content][] = [
    ['time', 'Over time', timeCharts(report)],
    ['processes', 'Servers and load generators over time', sampleCharts(report)],
    ['faults', 'Faults', faultParts(report, zeroMs)],
    ['latency', 'Latency', [curveChart(report), latencyParts(report)]],
    ['servers', 'Load on the servers', serverParts(report)],
    ['failures', 'Failures', failureParts(report)],
    ['leaders', 'Leaders', leaderParts(report, zeroMs)],
    ['audit', 'Audit', auditParts(report)],
    ['checks', 'Checks', checkParts(report)],
    ['inputs', 'Inputs', inputParts(report)],
    ['again', 'How to repeat this run', againParts(report)],
  ];
  const shown = all.filter(([, , body]) => body !== null);
  const body = html`${headOf(report)}${contents(shown)}
    <main>${shown.map(([id, title, content]) => section(id, title, content))}</main> `;
  return page({ title: 'CloudP2P Stress Test Report', body, data: chartDataOf(report) });
}

function contents(sections: readonly (readonly [id: string, title: string, body: Content])[]): Html {
  const links = sections.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li> `);
  return html`<nav aria-label="Contents">
    <ul>
      ${links}
    </ul>
  </nav> `;
}

import type { Report } from '../report';

/** Renders final_report.json. */
export function renderJson(report: Report): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}

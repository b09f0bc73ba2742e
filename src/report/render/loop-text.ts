/** Words what a closed loop hides, for the text report and the page. */
import { decimals } from '../../core/decimals';
import type { Report } from '../report';
import { whole } from './layout';

/** Returns the time for which clients waited beyond their think times. */
export function waitedText({ blocked_client_secs: secs, unknown, failed_requests: failed }: Report): string {
  if (secs === null) return `unknown: ${unknown.blocked_client_secs}`;
  const failures = failed > 0 ? ', each failure as long as the longest that a success can take' : '';
  return `${decimals(secs)} s beyond their think times, all clients together${failures}`;
}

/** Returns the number of requests that were never due. */
export function missedText({ missed_requests: missed, unknown }: Report): string {
  return missed === null
    ? `unknown: ${unknown.missed_requests}`
    : `${whole(missed)} that they would have sent meanwhile`;
}

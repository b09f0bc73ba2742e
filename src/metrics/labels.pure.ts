/** Limits the number of distinct label values: Prometheus stores a series for each. */
import { isFixedReason } from '../core/metrics/failure-reasons';

/** A server's own text follows. */
const SERVER_ERROR = /^Server error\b/;
/** The timeout is the same for all requests of a run, so this is one label. */
const TIMEOUT = /^Request timeout after [\d.]{1,20}s$/;
const OTHER = 'other';

/** Returns the label of a failure reason. Pure. */
export function reasonLabel(reason: string | null): string {
  if (reason === null) return OTHER;
  if (SERVER_ERROR.test(reason)) return 'Server error';
  return isFixedReason(reason) || TIMEOUT.test(reason) ? reason : OTHER;
}

/** Number of servers with a label of their own; servers report their own ids. */
const MAX_SERVERS = 100;

export class ServerLabels {
  private readonly known = new Set<number>();

  of(serverId: number): string {
    if (this.known.size < MAX_SERVERS) this.known.add(serverId);
    return this.known.has(serverId) ? String(serverId) : OTHER;
  }
}

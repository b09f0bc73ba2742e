/** Counts wrong carriers by the server that sent them: a result whatever became of the request. */
import { CappedCounts } from './capped-counts';
import { counted } from '../counted';
import { VERIFICATION_FAILED } from './failure-reasons';
import type { RequestRecord } from './record';
import { MAX_SERVERS, OTHER_SERVERS } from './servers';

type Told = Pick<RequestRecord, 'wrong_carriers' | 'failure_reason' | 'assigned_server_id'>;

/** The wrong carriers of one server; null: of servers of unknown id. */
export interface WrongCount {
  server_id: number | null;
  carriers: number;
}

const NONE: readonly (number | null)[] = [];

/** Returns the ids of the servers that answered this request with a wrong carrier; null for an unknown one. */
export function wrongCarriersOf(record: Told): readonly (number | null)[] {
  if (record.wrong_carriers !== undefined) return record.wrong_carriers;
  // A record of an older version: such a request failed at once.
  return record.failure_reason === VERIFICATION_FAILED ? [record.assigned_server_id] : NONE;
}

export class WrongCarriers {
  count = 0;
  private readonly counts = new CappedCounts(MAX_SERVERS, OTHER_SERVERS);

  /** Returns the counts of `toJson`. */
  static of(counts: Record<string, number>): WrongCarriers {
    const wrong = new WrongCarriers();
    for (const [id, count] of Object.entries(counts)) wrong.addOf(Number(id), count);
    return wrong;
  }

  add(record: Told): void {
    for (const id of wrongCarriersOf(record)) this.addOf(id ?? OTHER_SERVERS);
  }

  /** `OTHER_SERVERS` is a server of unknown id. */
  addOf(serverId: number, by = 1): void {
    if (by === 0) return;
    this.count += by;
    this.counts.add(serverId, by);
  }

  addAll(other: WrongCarriers): void {
    for (const [id, count] of other.byServer) this.addOf(id, count);
  }

  /** Counts by server id. */
  get byServer(): ReadonlyMap<number, number> {
    return this.counts.all;
  }

  /** Returns the counts, the worst server first. */
  worstFirst(): WrongCount[] {
    return [...this.counts.all]
      .sort(([a, most], [b, more]) => more - most || a - b)
      .map(([id, carriers]) => ({ server_id: id === OTHER_SERVERS ? null : id, carriers }));
  }

  /** Returns the counts for JSON, by ascending id; 0 stands for servers of unknown id. */
  toJson(): Record<string, number> {
    return Object.fromEntries([...this.counts.all].sort(([a], [b]) => a - b));
  }
}

/** Formats `3 wrong carriers (server 2: 2, unknown server: 1)`. */
export function wrongCarriersText(counts: readonly WrongCount[]): string {
  const total = counts.reduce((sum, { carriers }) => sum + carriers, 0);
  return `${counted(total, 'wrong carrier')} (${wrongServersText(counts)})`;
}

/** Formats `server 2: 2, unknown server: 1`. */
export function wrongServersText(counts: readonly WrongCount[]): string {
  return counts.map(({ server_id: id, carriers }) => `${serverText(id)}: ${carriers}`).join(', ');
}

/** Formats `server 2`. */
export function serverText(id: number | null): string {
  return id === null ? 'unknown server' : `server ${id}`;
}

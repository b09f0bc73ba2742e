/**
 * The clients that a leader has sent away because all servers had enough to do, in the order in which they were first
 * sent away. Each is told when to come again; whoever has waited longest is let in first. One that was let in has its
 * place again if its task has failed. Pure.
 */

import type { ConnId } from './effects';

/** A client that is later than this after the time it was told holds up nobody, but keeps its place for a while. */
const GRACE_MS = 1000;
const FORGET_MS = 30_000;
/** Clients come again at least this often, so that they notice when there is room, but not more of them than this. */
const RETRY_MS = 1000;
const MAX_ASKS_PER_SECOND = 200;
const MIN_RETRY_MS = 50;
/** No more clients have connections. */
const MAX_CLIENTS = 16_384;
/** A place is for so many tasks at most: nobody can tell a client that always fails from one that says so. */
const MOST_LETS = 3;

export interface Ask {
  client: string;
  /** Its own connection, if it has one to this server. */
  connId?: ConnId;
  /** The time since the client's last success, or since it first asked for anything after that; absent: not told. */
  waitedMs?: number;
  /** The tasks that can be accepted now. */
  freePlaces: number;
  /** The time from one place that becomes free to the next. */
  msPerTask: number;
}

interface Place {
  connId: ConnId | undefined;
  /** Its connection was closed. */
  isGone: boolean;
  /** The time at which the client should come again, or was let in. */
  dueMs: number;
  /** The time at which it was let in; null while it waits. */
  letInMs: number | null;
  lets: number;
}

export class WaitingLine {
  /** By client, in the order of the line. */
  private readonly places = new Map<string, Place>();
  /** The clients in it by connection. */
  private readonly byConn = new Map<ConnId, string>();

  /** The number of clients that wait. */
  get size(): number {
    return [...this.places.values()].filter(({ letInMs }) => letInMs === null).length;
  }

  /**
   * Returns null if the client is let in: fewer wait before it than there are free places. Otherwise returns the time
   * after which to come again, in milliseconds.
   */
  ask({ client, connId, waitedMs, freePlaces, msPerTask }: Ask, nowMs: number): number | null {
    const place = this.placeOf(client, waitedMs, nowMs);
    const before = this.countBefore(client, nowMs);
    // mutation: newcomers starve others
    if (before < freePlaces) {
      if (place !== undefined) Object.assign(place, { dueMs: nowMs, letInMs: nowMs, lets: place.lets + 1 });
      return null;
    }
    // Early rather than late: a place that is free stays so until the first of the line comes.
    const turnMs = ((before + 1 - freePlaces) * msPerTask) / 2;
    const mostMs = Math.max(RETRY_MS, (this.places.size * 1000) / MAX_ASKS_PER_SECOND);
    const retryMs = Math.ceil(Math.max(MIN_RETRY_MS, Math.min(turnMs, mostMs)));
    if (place === undefined && this.places.size >= MAX_CLIENTS) return retryMs;
    if (connId !== undefined) this.byConn.set(connId, client);
    // Asked through another server, it still has its own connection to this one.
    const waits = { connId: connId ?? place?.connId, isGone: false, dueMs: nowMs + retryMs, letInMs: null };
    if (place !== undefined) Object.assign(place, waits);
    else this.places.set(client, { ...waits, lets: 0 });
    return retryMs;
  }

  /** A client that has closed its connection holds up nobody; it may come again over another one. */
  connClosed(connId: ConnId): void {
    const place = this.places.get(this.byConn.get(connId) ?? '');
    this.byConn.delete(connId);
    if (place?.connId === connId) place.isGone = true;
  }

  /** Returns the client's place in the line; none if it has had what it waited for. */
  private placeOf(client: string, waitedMs: number | undefined, nowMs: number): Place | undefined {
    const place = this.places.get(client);
    if (place === undefined || place.letInMs === null) return place;
    // It has waited since before it was let in.
    const hasFailed = waitedMs !== undefined && nowMs - waitedMs < place.letInMs;
    if (hasFailed && place.lets < MOST_LETS) return place;
    this.places.delete(client);
    return undefined;
  }

  /** Leaves out those that are late, gone or were let in, and forgets those that have not come again for long. */
  private countBefore(client: string, nowMs: number): number {
    let count = 0;
    for (const [each, { isGone, dueMs, letInMs }] of this.places) {
      if (each === client) break;
      if (nowMs > dueMs + FORGET_MS) this.places.delete(each);
      else if (!isGone && letInMs === null && nowMs <= dueMs + GRACE_MS) count += 1;
    }
    return count;
  }
}

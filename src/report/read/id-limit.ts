/**
 * Tells which ids a load cannot have: a damaged request id must not count millions of requests as missing, nor a damaged
 * client id make up a client.
 */

import type { StressRunFile } from '../../core/metrics/record';
import { numberOf } from './plan';

/** Jumps up to this size are believed: so many requests without a record are possible, for instance after a full disk. */
export const BELIEVED_JUMP = 1000;
/** No request takes less than this. */
const LEAST_REQUEST_MS = 0.1;
/** The arrivals of a Poisson process, and clocks, are inexact. */
const MARGIN = 2;

/** The limits of the clients of one load; without its run file, only the time between two records tells. */
export class IdLimit {
  /** The greatest request id by the planned number of requests. */
  readonly plannedId: number;
  /** The greatest client id. */
  private readonly clientCount: number;
  private readonly idsPerMs: number;

  constructor(plan: Pick<StressRunFile, 'config'> | undefined) {
    const each = numberOf(plan, 'requests_per_client') ?? Infinity;
    const rate = numberOf(plan, 'rate_per_second');
    this.clientCount = numberOf(plan, 'num_clients') ?? Infinity;
    // At a rate, whichever client is free sends: the plan does not say how many of them are whose.
    this.plannedId = rate === null ? each : each * this.clientCount;
    this.idsPerMs = rate === null ? 1 / Math.max(LEAST_REQUEST_MS, numberOf(plan, 'min_delay_ms') ?? 0) : rate / 1000;
  }

  /** Returns a reason if the load has no such client, else undefined. */
  refuseClient(clientId: number): string | undefined {
    if (clientId >= 1 && clientId <= this.clientCount) return undefined;
    const expected = this.clientCount === Infinity ? 'at least 1' : `1 to ${this.clientCount}, by the plan of the load`;
    return `"client_id" is ${clientId}, expected ${expected}`;
  }

  refusePlanned(requestId: number): string {
    return `"request_id" is ${requestId}, expected at most ${this.plannedId}, by the plan of the load`;
  }

  /** Returns a reason if a client cannot have sent `count` requests within this time, else undefined. */
  refuseJump(requestId: number, count: number, withinMs: number): string | undefined {
    if (count <= BELIEVED_JUMP + MARGIN * this.idsPerMs * Math.abs(withinMs)) return undefined;
    return `"request_id" is ${requestId}: there was no time for ${count} requests`;
  }
}

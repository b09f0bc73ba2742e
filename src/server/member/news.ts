/**
 * Sends subscribers the tasks that this server has started and ended: to a new one the whole list first, then every
 * change, in order and in portions. Pure.
 */
import { jsonTextBytes } from '../../core/json-text';
import { MAX_NAME_BYTES } from '../../core/message';
import type { MessageOf } from '../../core/protocol';
import type { ConnId } from './effects';
import type { EffectBuffer } from './effect-buffer';

export type TaskNews = MessageOf<'HistoryAdd' | 'HistoryRemove'>;

/** Besides the names: keys, brackets, the longest numbers, and a frame's length. */
const OVERHEAD_BYTES = 160;
const MAX_NEWS_BYTES = OVERHEAD_BYTES + 2 * MAX_NAME_BYTES;
/** Bytes sent at once: far less than the limit of a frame, and than a reader may leave unread. */
export const PORTION_BYTES = 64 * 1024;
/** Pause between portions for other work: 3 MB/s, and the longest list that a queue allows is sent in 4 s. */
const PAUSE_MS = 20;

/**
 * A list begins with a HistorySyncResponse, which replaces its reader's state, and continues with a HistoryAdd for each
 * task that did not fit; so every version can read it, and there is no end to wait for: whatever has been sent so far
 * is correct.
 */
export class News {
  /** News for subscribers in the middle of their list or of a burst, in order. */
  private readonly waiting = new Map<ConnId, TaskNews[]>();
  private portionMs = Infinity;

  constructor(
    private readonly serverId: number,
    private readonly effects: EffectBuffer,
  ) {}

  /** Returns the beginning of this server's list; the rest is sent to the connection after it. */
  begin(connId: ConnId, list: readonly MessageOf<'HistoryAdd'>[], nowMs: number): MessageOf<'HistorySyncResponse'> {
    const count = portionOf(list);
    if (count < list.length) this.wait(connId, list.slice(count), nowMs);
    const first = list.slice(0, count);
    return {
      kind: 'HistorySyncResponse',
      from_server_id: this.serverId,
      history_entries: first.map((each) => [each.client_name, each.request_id, this.serverId, each.timestamp]),
      run_ids: first.map(({ run_id }) => run_id ?? ''),
    };
  }

  broadcast(news: readonly TaskNews[], nowMs: number): void {
    const isBurst = portionOf(news) < news.length;
    const now: ConnId[] = [];
    for (const connId of this.effects.subscriberIds()) {
      if (isBurst || this.waiting.has(connId)) this.wait(connId, news, nowMs);
      else now.push(connId);
    }
    this.effects.send(now, [...news]);
  }

  forget(connId: ConnId): void {
    this.waiting.delete(connId);
  }

  /** Sends the next portion when it is due. */
  tick(nowMs: number): void {
    if (nowMs < this.portionMs) return;
    for (const [connId, news] of this.waiting) {
      this.effects.send([connId], news.splice(0, portionOf(news)));
      if (news.length === 0) this.waiting.delete(connId);
    }
    this.portionMs = this.waiting.size > 0 ? nowMs + PAUSE_MS : Infinity;
  }

  nextMs(): number {
    return this.portionMs;
  }

  private wait(connId: ConnId, news: readonly TaskNews[], nowMs: number): void {
    const before = this.waiting.get(connId);
    if (before === undefined) this.waiting.set(connId, [...news]);
    else for (const each of news) before.push(each);
    this.portionMs = Math.min(this.portionMs, nowMs + PAUSE_MS);
  }
}

/** Returns how many items, from the first on, form one portion. */
function portionOf(news: readonly TaskNews[]): number {
  // Usually there are few, and their names need not be measured.
  if (news.length * MAX_NEWS_BYTES <= PORTION_BYTES) return news.length;
  let bytes = 0;
  const end = news.findIndex(({ client_name, run_id = '' }) => {
    bytes += OVERHEAD_BYTES + jsonTextBytes(client_name) + jsonTextBytes(run_id);
    return bytes > PORTION_BYTES;
  });
  return end === -1 ? news.length : end;
}

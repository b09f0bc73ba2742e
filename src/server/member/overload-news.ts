/** Tells of overload once a second: an event per refusal would fill the disk just when all are busiest. Pure. */
import type { EffectBuffer } from './effect-buffer';

const PAUSE_MS = 1000;

export class OverloadNews {
  private toldMs = -Infinity;

  constructor(private readonly effects: Pick<EffectBuffer, 'event'>) {}

  tell(reason: string, nowMs: number): void {
    if (nowMs - this.toldMs < PAUSE_MS) return;
    this.toldMs = nowMs;
    this.effects.event({ event: 'overloaded', reason });
  }
}

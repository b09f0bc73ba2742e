/** Runs `cloudp2p status`: asks the servers once, until they agree, or every second. */
import { pause } from '../core/system/pause';
import type { Secure } from '../core/transport/network';
import { judge, judgeReady, type Agreement } from './agreement.pure';
import type { Answer } from './answer.pure';
import { askAll } from './ask';

const ASK_TIMEOUT_MS = 1000;
const WAIT_INTERVAL_MS = 200;
const WATCH_INTERVAL_MS = 1000;

/** The result of one round. */
export interface Look {
  answers: Answer[];
  agreement: Agreement;
}

/** Asks every server once; without `secure`, without TLS. */
export async function look(
  addresses: readonly string[],
  stop: AbortSignal,
  timeoutMs = ASK_TIMEOUT_MS,
  secure?: Secure,
): Promise<Look> {
  const answers = await askAll(addresses, timeoutMs, stop, secure);
  return { answers, agreement: judge(answers) };
}

/** Asks until all are ready and agree, `waitMs` has passed, or `stop`; returns the last round. */
export async function waitForAgreement(
  addresses: readonly string[],
  waitMs: number,
  stop: AbortSignal,
  secure?: Secure,
): Promise<Look> {
  const endMs = performance.now() + waitMs;
  for (;;) {
    const leftMs = endMs - performance.now();
    const timeoutMs = Math.min(ASK_TIMEOUT_MS, Math.max(WAIT_INTERVAL_MS, leftMs));
    const { answers } = await look(addresses, stop, timeoutMs, secure);
    const latest = { answers, agreement: judgeReady(answers) };
    if (latest.agreement.agreed || performance.now() + WAIT_INTERVAL_MS > endMs || stop.aborted) return latest;
    await pause(WAIT_INTERVAL_MS, stop);
  }
}

/** Asks every second until `stop`. */
export async function watch(
  addresses: readonly string[],
  stop: AbortSignal,
  show: (look: Look) => void,
  secure?: Secure,
): Promise<void> {
  while (!stop.aborted) {
    const startedMs = performance.now();
    const latest = await look(addresses, stop, ASK_TIMEOUT_MS, secure);
    if (stop.aborted) return;
    show(latest);
    await pause(Math.max(0, startedMs + WATCH_INTERVAL_MS - performance.now()), stop);
  }
}

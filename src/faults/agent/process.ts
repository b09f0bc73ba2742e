import { takeStopSignals } from '../../core/stop-signals';
import { systemClock } from '../../core/system-clock';
import { type AgentOptions, runAgent } from './agent';

/** Runs an agent on this process's standard input and output, until it has nothing left to do. */
export async function agentProcess({ version, locate }: Pick<AgentOptions, 'version' | 'locate'>): Promise<void> {
  const { stdin: input, stdout: output, stderr, pid } = process;
  const stop = new AbortController();
  // Ctrl-C goes to all programs of a terminal; the one in charge decides what it means.
  takeStopSignals((name) => {
    if (name === 'SIGTERM') stop.abort();
  });
  // A controller that is gone closes the pipe; that ends other commands at once, but here is work left.
  for (const stream of [output, stderr]) stream.removeAllListeners('error').on('error', () => undefined);
  const startMs = performance.timeOrigin;
  await runAgent({ input, output, version, pid, startMs, locate, clock: systemClock, signal: stop.signal });
}

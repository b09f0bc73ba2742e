/** The fault agent as a process: its standard streams and its signals. */
import { takeStopSignals } from '../../core/system/stop-signals';
import { systemClock } from '../../core/system/system-clock';
import { type AgentOptions, runAgent } from './agent';

/** Runs an agent on the standard input and output of this process until it ends. */
export async function agentProcess({ version, locate }: Pick<AgentOptions, 'version' | 'locate'>): Promise<void> {
  const { stdin: input, stdout: output, stderr, pid } = process;
  const stop = new AbortController();
  // Ctrl-C reaches all programs of a terminal; the controller handles it.
  takeStopSignals((name) => {
    if (name === 'SIGTERM') stop.abort();
  });
  // A controller that is gone closes the pipe; that ends other commands at once, but here faults must be healed.
  for (const stream of [output, stderr]) stream.removeAllListeners('error').on('error', () => undefined);
  const startMs = performance.timeOrigin;
  await runAgent({ input, output, version, pid, startMs, locate, clock: systemClock, signal: stop.signal });
}

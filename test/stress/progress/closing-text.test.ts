import { closingText } from '../../../src/stress/progress/closing-text';
import { RunTally } from '../../../src/stress/progress/run-tally';
import type { LoadShape } from '../../../src/config/load-settings';

const text = (pacing: LoadShape['pacing'], waitedCount = 0): string => {
  const options = { machineId: 1, numClients: 4, metricsDir: 'metrics', seed: 7, requests: { pacing, rampUpMs: 0 } };
  const rates = { durationSecs: 1, attemptedPerSecond: 2, goodputPerSecond: 1 };
  const run = { rates, waitedCount, unreached: [], problem: null, pauses: null, generatorProblem: null };
  return closingText(options, new RunTally(0, 1000, 3), [], run);
};

test('has the rates, and hedged requests beside retries', () => {
  const shown = text({ mode: 'closed_loop', minDelayMs: 100, maxDelayMs: 2000 });
  expect(shown).toMatch(
    /^Requests: {2}0 in 1\.0 s\n[^]*\nRates: {5}goodput 1\.00 successes\/s, attempted 2\.00 requests\/s\n/,
  );
  expect(shown).toMatch(/\nRetries: {3}0\nHedged: {4}0\n/);
});

test('names a closed loop, and what it hides', () => {
  expect(text({ mode: 'closed_loop', minDelayMs: 100, maxDelayMs: 2000 })).toMatch(
    /\nLoop: {6}closed\. A closed loop hides stalls: while a client waits it sends nothing\. For latency under load use --rate\.\n/,
  );
});

test('names an open loop, of which requests may wait for a client', () => {
  const open = text({ mode: 'rate', ratePerSecond: 10, arrivals: 'uniform' }, 3);
  expect(open).toMatch(/\nLoop: {6}open\n/);
  expect(open).toMatch(/\nWaited: {4}3 for one of the 4 clients to be free/);
});

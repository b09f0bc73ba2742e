/** Arranges the samples of servers and load generators as series over time, for charts. */
import type { Inputs } from '../read/inputs';
import type { LostSamples } from '../read/lost-samples';
import type { GeneratorSeries, ServerSeries } from '../report';

/** Returns the servers' samples over time, by id. */
export function serverSeriesOf({ samples }: Pick<Inputs, 'samples'>): ServerSeries[] {
  return [...samples]
    .sort(([a], [b]) => a - b)
    .map(([server_id, { samples: all }]) => {
      const points = inOrder(all.points);
      return {
        server_id,
        time: points.map(({ time }) => time),
        cpu_percent: points.map((point) => point.cpu_percent),
        memory_bytes: points.map((point) => point.memory_bytes),
        active: points.map(({ active }) => active),
        queued: points.map(({ queued }) => queued),
        event_loop_delay_ms: points.map((point) => point.event_loop_delay_ms),
      };
    });
}

/**
 * Returns the load generators' samples over time, by machine. Whether one was a bottleneck is not known if samples of it
 * are lost, or if it depends on the usual latency (ms) and that is not known.
 */
export function generatorSeriesOf(
  { generators }: Pick<Inputs, 'generators'>,
  lost: readonly LostSamples[],
  usualMs: number | null,
): GeneratorSeries[] {
  const isWhole = (machineId: number): boolean => lost.every((each) => each.machineId !== machineId);
  return [...generators]
    .sort((a, b) => a.machineId - b.machineId)
    .map(({ machineId, samples, fold }) => {
      const points = inOrder(samples.points);
      const { sent, late_sends, pauses, paused_ms, longest_pause_ms, longest_pause_at, saturated, why } = fold.summary(
        usualMs ?? Infinity,
      );
      const isSure = isWhole(machineId) && (usualMs !== null || !fold.summary(0).saturated);
      return {
        machine_id: machineId,
        time: points.map(({ time }) => time),
        cpu_percent: points.map((point) => point.cpu_percent),
        event_loop_delay_ms: points.map((point) => point.event_loop_delay_ms),
        in_flight: points.map((point) => point.in_flight),
        verification_backlog: points.map((point) => point.verification_backlog),
        sent,
        late_sends,
        pauses,
        paused_ms,
        longest_pause_ms,
        longest_pause_at,
        saturated: saturated || (isSure ? false : null),
        why,
      };
    });
}

/** Sorts by time, because several files of one server may have been read in any order. */
function inOrder<T extends { time: number }>(points: readonly T[]): T[] {
  return [...points].sort((a, b) => a.time - b.time);
}

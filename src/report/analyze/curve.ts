/** Computes the percentile curve of the whole run. */
import type { Latencies } from './latencies';
import type { CurvePoint } from '../report';

/**
 * Steps of 10 up to 90, then ten for each further nine, like HdrHistogram's plots: 91 ... 99, 99.1 ... 99.9, 99.91 ...
 * 99.99.
 */
const PERCENTILES = [
  ...Array.from({ length: 10 }, (_, ten) => ten * 10),
  ...[1, 10, 100].flatMap((parts) => {
    const from = 100 - 10 / parts;
    return Array.from({ length: 9 }, (_, step) => Math.round((from + (step + 1) / parts) * 1000) / 1000);
  }),
];

/** Latencies are null if there were no samples. */
export function curveOf(latency: Latencies, service: Latencies): CurvePoint[] {
  const { min_ms: latencyMin, max_ms: latencyMax } = latency.stats();
  const { min_ms: serviceMin, max_ms: serviceMax } = service.stats();
  const inner = PERCENTILES.slice(1).map((percentile) => ({
    percentile,
    latency_ms: latency.quantileMs(percentile / 100),
    service_ms: service.quantileMs(percentile / 100),
  }));
  return [
    { percentile: 0, latency_ms: latencyMin, service_ms: serviceMin },
    ...inner,
    { percentile: 100, latency_ms: latencyMax, service_ms: serviceMax },
  ];
}

import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

/**
 * Of prom-client's own: the delays are NaN at times and off by the resolution of their timer (we measure them ourselves),
 * and the lists of what is active take long where there are thousands of sockets.
 */
const LEFT_OUT = /^nodejs_(eventloop_lag|active)_/;

/** A registry of its own, with the process's metrics (CPU, memory, descriptors, garbage collection). */
export function newRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const { name } of registry.getMetricsAsArray()) {
    if (LEFT_OUT.test(name)) registry.removeSingleMetric(name);
  }
  return registry;
}

/** A gauge that is looked up when somebody asks; it has no value while `look` says null. */
export function addGauge(registry: Registry, name: string, help: string, look: () => number | null): void {
  new Gauge({
    ...{ name, help, registers: [registry] },
    collect() {
      const value = look();
      if (value === null) this.remove();
      else this.set(value);
    },
  });
}

/** A counter whose total somebody else keeps; it never shrinks. */
export function addTotal(registry: Registry, name: string, help: string, look: () => number): void {
  new Counter({
    ...{ name, help, registers: [registry] },
    collect() {
      this.reset();
      this.inc(look());
    },
  });
}

/** What does not change while the process lives, as the labels of a gauge of 1. */
export function addInfo(registry: Registry, name: string, help: string, labels: Record<string, string | number>): void {
  new Gauge({ name, help, labelNames: Object.keys(labels), registers: [registry] }).set(labels, 1);
}

/** A registry with the process's own metrics, and instruments whose values are read on each scrape. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

/**
 * Metrics of prom-client that are left out: its delays are NaN at times and off by the resolution of their timer (we
 * measure them ourselves), and its lists of active resources are slow with thousands of sockets.
 */
const LEFT_OUT = /^nodejs_(eventloop_lag|active)_/;

/** Returns a separate registry with the process's metrics (CPU, memory, descriptors, garbage collection). */
export function newRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const { name } of registry.getMetricsAsArray()) {
    if (LEFT_OUT.test(name)) registry.removeSingleMetric(name);
  }
  return registry;
}

/** Adds a gauge that is read on each scrape; it has no value while `look` returns null. */
export function addGauge(registry: Registry, name: string, help: string, look: () => number | null): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      const value = look();
      if (value === null) this.remove();
      else this.set(value);
    },
  });
}

/** Adds a counter whose total is kept elsewhere; it never decreases. */
export function addTotal(registry: Registry, name: string, help: string, look: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(look());
    },
  });
}

/** Adds constant facts about the process as the labels of a gauge of 1. */
export function addInfo(registry: Registry, name: string, help: string, labels: Record<string, string | number>): void {
  new Gauge({ name, help, labelNames: Object.keys(labels), registers: [registry] }).set(labels, 1);
}

import { cpus, freemem, totalmem } from 'node:os';
import type { LoadSample } from '../core/election/priority';

/** Samples the machine's load; the first sample covers the time since the machine began. */
export class LoadSampler {
  private last = { busyMs: 0, totalMs: 0 };

  /** CPU since the last call and memory now, as percentages of the whole machine. */
  sample(): LoadSample {
    const now = cpuTimes();
    const totalMs = now.totalMs - this.last.totalMs;
    const busyMs = now.busyMs - this.last.busyMs;
    this.last = now;
    return {
      cpuPercent: totalMs > 0 ? (100 * busyMs) / totalMs : 0,
      memoryUsedPercent: 100 * (1 - freemem() / totalmem()),
    };
  }
}

function cpuTimes(): { busyMs: number; totalMs: number } {
  let busyMs = 0;
  let totalMs = 0;
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.idle + times.irq;
    totalMs += sum;
    busyMs += sum - times.idle;
  }
  return { busyMs, totalMs };
}

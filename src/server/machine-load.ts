/** Samples the machine's CPU and memory load; the first sample covers the time since boot. */
import { type CpuInfo, cpus, freemem, totalmem } from 'node:os';
import type { LoadSample } from '../core/election/priority';

export class MachineLoad {
  private last = { busyMs: 0, totalMs: 0 };
  private cpuPercent = 0;

  constructor(private readonly readCpus: () => CpuInfo[] = cpus) {}

  /**
   * Returns CPU since the last call and current memory, as percentages of the whole machine. CPU keeps its last value
   * if it cannot be read because the process has no file descriptors left.
   */
  sample(): LoadSample {
    const now = cpuTimes(this.readCpus());
    const totalMs = now.totalMs - this.last.totalMs;
    const busyMs = now.busyMs - this.last.busyMs;
    if (totalMs > 0) {
      this.last = now;
      this.cpuPercent = (100 * busyMs) / totalMs;
    }
    return { cpuPercent: this.cpuPercent, memoryUsedPercent: 100 * (1 - freemem() / totalmem()) };
  }
}

function cpuTimes(all: readonly CpuInfo[]): { busyMs: number; totalMs: number } {
  let busyMs = 0;
  let totalMs = 0;
  for (const { times } of all) {
    const sum = times.user + times.nice + times.sys + times.idle + times.irq;
    totalMs += sum;
    busyMs += sum - times.idle;
  }
  return { busyMs, totalMs };
}

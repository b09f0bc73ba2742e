import type { CpuInfo } from 'node:os';
import { ResidentMemory } from '../../src/core/system/resident-memory';
import { MachineLoad } from '../../src/server/machine-load';

const cpu = (user: number, idle: number): CpuInfo[] => [
  { model: '', speed: 0, times: { user, nice: 0, sys: 0, idle, irq: 0 } },
];

it('CPU is the share since the last sample, or the last value if it cannot be read', () => {
  const readings = [cpu(50, 50), cpu(80, 120), [], cpu(80, 220)];
  const sampler = new MachineLoad(() => readings.shift()!);
  expect([1, 2, 3, 4].map(() => sampler.sample().cpuPercent)).toEqual([50, 30, 30, 0]);
});

it('memory keeps its last value while it cannot be read', () => {
  const readings = [500, 1000, new Error('EMFILE: too many open files, uv_resident_set_memory'), 2000];
  const memory = new ResidentMemory(() => {
    const reading = readings.shift()!;
    if (reading instanceof Error) throw reading;
    return reading;
  });
  expect([memory.bytes, memory.bytes, memory.bytes]).toEqual([1000, 1000, 2000]);
  expect(new ResidentMemory().bytes).toBeGreaterThan(1e6);
});

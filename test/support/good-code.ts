/** The exit code of a load in which all went well, also on a machine that other programs keep busy. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { EXIT } from '../../src/core/errors';
import type { GeneratorSample } from '../../src/core/metrics/record';
import { GeneratorFold } from '../../src/core/metrics/saturation';

const SAMPLES = /machine_\d+_generator\.ndjson$/;

/** Returns 0; 4 if a load that wrote below this folder says of its generator that it was the bottleneck. */
export function goodCodeIn(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => SAMPLES.test(name));
  return files.some((name) => isSaturated(path.join(folder, name))) ? EXIT.incomplete : EXIT.ok;
}

function isSaturated(file: string): boolean {
  const fold = new GeneratorFold();
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const sample = JSON.parse(line) as GeneratorSample | { event: 'clock' };
    if (!('event' in sample)) fold.add(sample);
  }
  return fold.summary().saturated;
}

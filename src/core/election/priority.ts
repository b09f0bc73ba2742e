/** Decides which of two candidates wins an election: the one with the lower load score. */

/** The inputs of the load score; percentages 0 to 100. */
export interface LoadSample {
  cpuPercent: number;
  memoryUsedPercent: number;
}

/** A sitting leader that is drawn into an election keeps its seat: no candidate can be less loaded than this. */
export const INCUMBENT_PRIORITY = -1;

/**
 * Returns the load score, 0 to 100, lower is better: `0.5 * cpu% + 0.3 * min(active/capacity, 1) * 100 + 0.2 * memory%`
 * (the original implementation's formula). `capacity` is the number of workers. System counters may run backwards for a
 * moment; peers refuse values outside the range.
 */
export function loadScore(sample: LoadSample, active: number, capacity: number): number {
  const busyPercent = Math.min(active / Math.max(capacity, 1), 1) * 100;
  const score = 0.5 * sample.cpuPercent + 0.3 * busyPercent + 0.2 * sample.memoryUsedPercent;
  return Math.max(0, Math.min(100, score));
}

export interface Candidacy {
  id: number;
  priority: number;
}

/** Returns true if `a` beats `b`. Ties go to the lower id, so that of two candidates exactly one wins. */
export function beats(a: Candidacy, b: Candidacy): boolean {
  if (a.priority !== b.priority) return a.priority < b.priority;
  // mutation: ties have no winner
  return a.id < b.id;
}

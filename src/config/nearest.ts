/** Finds the known word that was probably meant by a misspelled flag, command or key. */

/** Longer words are not typos, and the time is quadratic in the length. */
const MAX_WORD_CHARS = 64;

/**
 * Counts the edits that turn one word into the other: insert, delete or replace a character, or swap two neighbours
 * (optimal string alignment distance, Damerau 1964).
 */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let edits = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) edits = Math.min(edits, beforeLast[column - 2]! + 1);
      current.push(edits);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length]!;
}

/** Returns undefined if no known word is near. The first of two equally near ones wins. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > MAX_WORD_CHARS) return undefined;
  const spelled = fold(word);
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const distance = distanceTo(spelled, fold(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Infinity if the words differ too much for a useful suggestion. */
function distanceTo(spelled: string, known: string): number {
  const distance = editDistance(spelled, known);
  if (distance <= Math.max(1, Math.floor(Math.max(spelled.length, known.length) / 3))) return distance;
  // `heartbeat_interval` is many edits from `heartbeat_interval_secs`, but still a prefix of it.
  const [shorter, longer] = spelled.length < known.length ? [spelled, known] : [known, spelled];
  return shorter.length >= 4 && longer.startsWith(shorter) ? distance : Infinity;
}

/** Folds heartbeatIntervalSecs, heartbeat-interval-secs and heartbeat_interval_secs into one word. */
function fold(word: string): string {
  return word.toLowerCase().replace(/[-_\s]/g, '');
}

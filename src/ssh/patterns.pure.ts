/** Matches pattern lists of OpenSSH: `*` is any text, `?` one character; a matching `!pattern` overrides all others. */
export function matchesPatterns(patterns: readonly string[], text: string): boolean {
  if (patterns.some((pattern) => pattern.startsWith('!') && matchesPattern(pattern.slice(1), text))) return false;
  return patterns.some((pattern) => matchesPattern(pattern, text));
}

/** Matches one pattern; linear in the text for each `*`, so that patterns in a file cannot hang the program. */
export function matchesPattern(pattern: string, text: string): boolean {
  let [p, t] = [0, 0];
  let star = -1;
  let retryAt = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++;
      retryAt = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      p = star + 1;
      t = ++retryAt;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

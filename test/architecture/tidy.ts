export interface Rule {
  name: string;
  /** The problem of a file, or undefined. */
  breach(text: string, file: string): string | undefined;
  /** A text that breaks the rule. */
  bad: string;
}

const MAX_LINES = 400;
/** In pieces, so that this file does not break its own rules. */
const OPEN_ENDS = ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'];
const MACHINE_PATH = new RegExp(`(?<![\\w.~-])/(?:ho${''}me|Us${''}ers|ro${''}ot|wo${''}rk|fa${''}rm)/[\\w.-]+`);
const REGISTRY = new RegExp(`https?://[^\\s/"']*(?:regis${''}try|artifactory|verdaccio|nexus)[^\\s/"']*`);

const first = (pattern: RegExp, text: string): string | undefined => pattern.exec(text)?.[0];

/** Rules for the program's own code. */
export const SOURCE_RULES: Rule[] = [
  {
    name: `no file over ${MAX_LINES} lines`,
    breach: (text) => {
      const lines = text.trimEnd().split('\n').length;
      return lines > MAX_LINES ? `${lines} lines` : undefined;
    },
    bad: 'const a = 1;\n'.repeat(MAX_LINES + 1),
  },
  {
    name: 'no open ends',
    breach: (text) => first(new RegExp(`\\b(?:${OPEN_ENDS.join('|')})\\b`), text),
    bad: `// ${OPEN_ENDS[0]}: later`,
  },
  {
    name: 'no default exports',
    breach: (text, file) => (file.endsWith('.d.ts') ? undefined : first(/^export default\b/m, text)),
    bad: 'export default 1;',
  },
];

/** Rules for every text file of the repository. */
export const TEXT_RULES: Rule[] = [
  { name: 'no paths of one machine', breach: (text) => first(MACHINE_PATH, text), bad: `cd /ho${''}me/anna/x` },
  {
    name: 'no addresses of package registries',
    breach: (text) => first(REGISTRY, text),
    bad: `https://regis${''}try.example.org/x`,
  },
  {
    name: 'no key material',
    breach: (text) => first(/-{5}BEGIN [A-Z ]*PRIVATE KEY-{5}/, text),
    bad: `-----BEGIN ${''}RSA PRIVATE KEY-----`,
  },
];

/** The files that break a rule, each with the matching text. */
export function findings(texts: ReadonlyMap<string, string>, rule: Rule): string[] {
  return [...texts].flatMap(([file, text]) => {
    const breach = rule.breach(text, file);
    return breach === undefined ? [] : [`${file}: ${breach}`];
  });
}

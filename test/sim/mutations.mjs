// npm run sim:mutations -- [NAME] [--seeds N]: applies mutations that remove a rule to the code, one at a time, and prints
// which seed and which scenario notices each, or that it survives. A rule whose removal nothing notices is not needed,
// or not tested. A mutation that no scenario notices may take 1,000 seeds.
//   --write   puts what was found into the table of docs/mutations.md
//   --verify  runs each mutation only against the scenario of its row there, or the seed if there is none
import { context } from 'esbuild';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import kernel from '../../src/imaging/kernel-bytes.cjs';
import { MUTATIONS, NEW_WORDS } from './mutation-list.mjs';

const require = createRequire(import.meta.url);
const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, '..', '..');
const scenarios = path.join(here, '..', 'scenarios');
const page = path.join(root, 'docs', 'mutations.md');
/** `npm test` runs these without a mutation, and all scenarios. */
const MOST_SEEDS = 1000;
const MARKER = /\/\/ mutation: (.*)\n\s*$/;

/** Returns for each name the file of its markers, its text, and the positions of the statements below them. */
function markedStatements() {
  const marked = new Map();
  for (const name of readdirSync(path.join(root, 'src'), { recursive: true }).filter((each) => each.endsWith('.ts'))) {
    const file = path.join(root, 'src', name);
    const source = readFileSync(file, 'utf8');
    if (!source.includes('// mutation: ')) continue;
    let count = source.split('// mutation: ').length - 1;
    const visit = (node) => {
      const [, names] = MARKER.exec(source.slice(node.pos, node.getStart())) ?? [];
      if (names !== undefined && ts.isStatement(node)) {
        count -= 1;
        for (const mutation of names.split('; ')) {
          const entry = marked.get(mutation) ?? { file, source, ranges: [] };
          if (entry.file !== file) throw new Error(`"${mutation}" is marked in ${entry.file} and in ${file}`);
          entry.ranges.push([node.getStart(), node.end]);
          marked.set(mutation, entry);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true));
    if (count > 0) throw new Error(`${count} markers in ${name} do not stand above a statement`);
  }
  return marked;
}

/** Returns each mutation with its file and the text of that file with the mutation in it. */
function mutatedSources() {
  const marked = markedStatements();
  const names = new Set([...marked.keys(), ...Object.keys(MUTATIONS)]);
  return [...names].map((name) => {
    const edits = MUTATIONS[name];
    const { file, source, ranges } = marked.get(name) ?? { ranges: [] };
    if (edits?.length !== ranges.length) {
      throw new Error(`"${name}" has ${edits?.length ?? 'no'} edits and ${ranges.length} markers`);
    }
    try {
      return { name, file, mutated: mutatedText(source, ranges, edits) };
    } catch (error) {
      throw new Error(`"${name}" does not fit ${path.relative(root, file)}: ${error.message}`, { cause: error });
    }
  });
}

function mutatedText(source, ranges, edits) {
  const statements = ranges.map(([start, end]) => source.slice(start, end));
  let mutated = source;
  // From the last to the first, so that the places before stay where they are.
  for (const [index, [start, end]] of [...ranges.entries()].reverse()) {
    mutated = mutated.slice(0, start) + edits[index](statements[index], statements) + mutated.slice(end);
  }
  const known = new Set([...wordsOf(source), ...NEW_WORDS]);
  const unknown = wordsOf(mutated).filter((word) => !known.has(word));
  if (unknown.length > 0) throw new Error(`it names ${unknown.join(', ')}`);
  return mutated;
}

/** Returns the names and keywords of a source text. */
function wordsOf(text) {
  return text.match(/(?<![\w$])[a-z_$][\w$]*/gi) ?? [];
}

/** The mutation that the next bundle contains; null: none. */
let current = null;
const mutate = {
  name: 'mutate',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, ({ path: file }) =>
      file === current?.file ? { contents: current.mutated, loader: 'ts' } : undefined,
    ),
};
const bundler = await context({
  entryPoints: [path.join(here, 'mutation-entry.ts')],
  bundle: true,
  write: false,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  define: kernel.kernelDefine(),
  logLevel: 'error',
  plugins: [mutate],
});

/** Returns the simulator with a mutation in the code. */
async function simulatorWith(mutation) {
  current = mutation;
  const { outputFiles } = await bundler.rebuild();
  const module = { exports: {} };
  new Function('module', 'exports', 'require', outputFiles[0].text)(module, module.exports, require);
  return module.exports;
}

/** A mutation that calls code that no longer exists says nothing about the rules: the run ends. */
function crashText(crash) {
  if (crash instanceof TypeError || crash instanceof ReferenceError) throw crash;
  return crash.message
    .replace(/^server\d+: .*/s, 'mismatch')
    .replace(/:.*/s, '')
    .replace(/^server\d+/, 'a server');
}

/** Returns what notices a mutation in a run of a seed; null for nothing. */
function brokenBySeed({ simulate }, seed) {
  const { violations, crash } = simulate(seed);
  if (crash) return crashText(crash);
  return violations.map(({ rule }) => rule).join(', ') || null;
}

/** Returns what notices a mutation in a scenario, a rule or an expectation; null for nothing. */
function brokenByScenario({ parseScenario, runScenario }, name) {
  try {
    const { script } = parseScenario(readFileSync(path.join(scenarios, `${name}.scenario`), 'utf8'));
    const [failure] = runScenario(script, true).failures;
    return failure?.replace(/^at \S+ (expect .*?):.*/s, '$1').replace(/^(\w+): .*/s, '$1') ?? null;
  } catch (crash) {
    return crashText(crash);
  }
}

/** Returns the first scenario and the first seed that notice a mutation, each with what it notices. */
function search(program, maxSeeds) {
  const names = readdirSync(scenarios).flatMap((each) => /^(.*)\.scenario$/.exec(each)?.[1] ?? []);
  let scenario = null;
  for (const name of names) {
    const broken = brokenByScenario(program, name);
    if (broken !== null) scenario = { name, broken };
    if (scenario !== null) break;
  }
  const mostSeeds = scenario === null ? MOST_SEEDS : maxSeeds;
  for (let seed = 1; seed <= mostSeeds; seed++) {
    const broken = brokenBySeed(program, seed);
    if (broken !== null) return { scenario, seed: { name: seed, broken }, mostSeeds };
  }
  return { scenario, seed: null, mostSeeds };
}

const cell = (found, none) => (found === null ? none : `${found.name} (${found.broken})`);

/** Returns the rows of the table by the names of their mutations, each as its cells. */
function rows() {
  const cells = [...readFileSync(page, 'utf8').matchAll(/^\| (`(.*?)`.*?) *\| (.*?) *\| (.*?) *\|$/gm)];
  return new Map(cells.map(([, title, name, seed, scenario]) => [name, { title, seed, scenario }]));
}

/** Writes the table with what was found: rows of other mutations remain, and so do explanations beside the names. */
function writeTable(found) {
  const known = rows();
  const lines = mutations.map(({ name }) => {
    const { title = `\`${name}\``, ...old } = known.get(name) ?? {};
    const { scenario, seed, mostSeeds } = found.get(name) ?? {};
    if (mostSeeds === undefined) return [title, old.seed ?? '', old.scenario ?? ''];
    return [title, cell(seed, `none of ${mostSeeds}`), scenario?.name ?? 'none'];
  });
  const all = [['mutation', 'first seed (rules broken)', 'first scenario'], ...lines];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((line) => line[column].length)));
  const texts = all.map((line) => `| ${line.map((text, column) => text.padEnd(widths[column])).join(' | ')} |`);
  texts.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  const table = `${texts.join('\n')}\n`;
  writeFileSync(
    page,
    readFileSync(page, 'utf8').replace(/^\| mutation[^]*?\n(?!\|)/m, () => table),
  );
}

/** Returns the scenario of a row, or its seed if there is none, as a function that returns what it notices. */
function witness(row) {
  const scenario = row?.scenario === 'none' ? undefined : row?.scenario;
  const seed = /^(\d+) \(/.exec(row?.seed ?? '')?.[1];
  if (scenario !== undefined) return [scenario, (program) => brokenByScenario(program, scenario)];
  if (seed !== undefined) return [`seed ${seed}`, (program) => brokenBySeed(program, Number(seed))];
  return undefined;
}

/** Returns what is wrong with the table: a mutation without a witness, or that it no longer notices. */
async function problems() {
  const table = rows();
  const found = [...table.keys()].flatMap((name) =>
    mutations.some((each) => each.name === name) ? [] : [`"${name}" is no mutation`],
  );
  for (const mutation of mutations) {
    const [name, broken] = witness(table.get(mutation.name)) ?? [];
    if (name === undefined) {
      found.push(`"${mutation.name}": nothing in the table notices it`);
      continue;
    }
    if (broken(await simulatorWith(mutation)) === null) found.push(`"${mutation.name}": ${name} does not notice it`);
  }
  return found;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '300' }, write: { type: 'boolean' }, verify: { type: 'boolean' } },
});
const mutations = mutatedSources();
if (values.verify) {
  const found = await problems();
  console.log([...found, `${mutations.length} mutations, ${found.length} problems`].join('\n'));
  process.exitCode = found.length > 0 ? 1 : 0;
} else {
  const found = new Map();
  for (const mutation of mutations.filter(({ name }) => name.includes(positionals[0] ?? ''))) {
    const result = search(await simulatorWith(mutation), Number(values.seeds));
    found.set(mutation.name, result);
    const { scenario, seed, mostSeeds } = result;
    const isSurvivor = scenario === null && seed === null;
    const texts = [`seed ${cell(seed, `none of ${mostSeeds}`)}`, `scenario ${cell(scenario, 'none')}`];
    console.log(
      `${mutation.name}\n    ${isSurvivor ? `survives ${mostSeeds} seeds and all scenarios` : texts.join('; ')}`,
    );
    if (isSurvivor) process.exitCode = 1;
  }
  if (values.write) writeTable(found);
}
await bundler.dispose();

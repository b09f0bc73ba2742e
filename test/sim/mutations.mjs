// npm run sim:mutations -- [SEEDS] [NAME]: applies mutations that remove a rule to the code, one at a time, and
// prints which seed and which scenario notices each. A rule whose removal nothing notices is not needed, or not tested.
// With --check it only verifies that every mutation applies, and names nothing that its file does not.
import { build, transform } from 'esbuild';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import kernel from '../../src/imaging/kernel-bytes.cjs';
import { MUTATIONS, NEW_WORDS } from './mutation-list.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, '..', '..');
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

async function bundled({ file, mutated }) {
  const plugin = {
    name: 'mutate',
    setup(pluginBuild) {
      pluginBuild.onLoad({ filter: /\.ts$/ }, ({ path: loaded }) =>
        loaded === file ? { contents: mutated, loader: 'ts' } : undefined,
      );
    },
  };
  const outfile = path.join(root, 'dist', `sim-mutation-${process.pid}.cjs`);
  const define = kernel.kernelDefine();
  const options = {
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    define,
    plugins: [plugin],
    outfile,
  };
  await build({ ...options, entryPoints: [path.join(here, 'mutation-entry.ts')], logLevel: 'error' });
  const require = createRequire(import.meta.url);
  delete require.cache[outfile];
  return require(outfile);
}

/** A mutation that calls code that no longer exists says nothing about the rules: the run ends. */
function crashText(crash) {
  if (crash instanceof TypeError || crash instanceof ReferenceError) throw crash;
  return String(crash.message).slice(0, 60);
}

function caughtBySeed({ simulate }, maxSeeds) {
  for (let seed = 1; seed <= maxSeeds; seed++) {
    const { violations, crash } = simulate(seed);
    if (crash) return `seed ${seed} (${crashText(crash)})`;
    if (violations.length > 0) return `seed ${seed} (${violations.map(({ rule }) => rule).join(', ')})`;
  }
  return null;
}

function caughtByScenario({ parseScenario, runScenario }) {
  const folder = path.join(here, '..', 'scenarios');
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.scenario'))) {
    try {
      const { failures } = runScenario(parseScenario(readFileSync(path.join(folder, name), 'utf8')).script);
      if (failures.length > 0) return `scenario ${name} (${failures[0].slice(0, 80)})`;
    } catch (crash) {
      return `scenario ${name} (${crashText(crash)})`;
    }
  }
  return null;
}

const mutations = mutatedSources();
if (process.argv[2] === '--check') {
  for (const { mutated } of mutations) await transform(mutated, { loader: 'ts' });
  console.log(mutations.map(({ name }) => name).join('\n'));
} else {
  const [, , maxSeeds = 3000, only = ''] = process.argv;
  let survivors = 0;
  for (const mutation of mutations.filter(({ name }) => name.includes(only))) {
    const program = await bundled(mutation);
    const seed = caughtBySeed(program, Number(maxSeeds));
    const scenario = caughtByScenario(program);
    if (!seed && !scenario) survivors += 1;
    console.log(`${mutation.name}\n    ${seed ?? `no seed of ${maxSeeds}`}; ${scenario ?? 'no scenario'}`);
  }
  console.log(`${survivors} caught by nothing`);
}

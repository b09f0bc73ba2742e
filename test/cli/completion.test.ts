import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type CompletedCommand, completionScript, SHELLS } from '../../src/cli/completion.pure';
import { complaint, isThere, offers } from './shells';

const PLAIN: CompletedCommand[] = [
  {
    typed: 'send',
    summary: 'send pictures',
    flags: [
      { name: 'config', summary: 'a file: TOML', value: 'file' },
      { name: 'image-dir', summary: 'pictures', value: 'folder' },
      { name: 'level', summary: 'how much', value: ['debug', 'info'] },
      { name: 'seed', summary: 'a number', value: 'unknown' },
      { name: 'server', summary: 'repeatable', value: 'unknown', isRepeatable: true },
      { name: 'watch', summary: 'go on' },
    ],
  },
  { typed: 'send one', summary: 'send one', flags: [{ name: 'out', summary: '', value: 'file' }], argument: 'file' },
  { typed: 'set', summary: 'set up', flags: [], argument: 'folder' },
  { typed: 'shell', summary: 'a word', flags: [], argument: ['bash', 'zsh'] },
];

const EVIL = `a'b "c" $(touch pwned) \`touch pwned\` $HOME [x] ]: y {p,q} %d (r) !u ~ \\'; touch pwned; 'v\n\u001b[31m\\`;
const EVIL_WORDS = ['$(touch pwned)', '`touch pwned`', 'b\\c', "it's:a", 'sp ace', 'x[y]z'];
const HOSTILE: CompletedCommand[] = [
  {
    typed: 'bad',
    summary: EVIL,
    flags: [
      { name: 'one', summary: EVIL },
      { name: 'two', summary: EVIL, value: EVIL_WORDS },
    ],
  },
  { typed: 'bad worse', summary: EVIL, flags: [], argument: EVIL_WORDS },
];

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-completion-'));
  for (const name of ['debug.d', 'my dir', 'sub']) mkdirSync(path.join(folder, name));
  for (const name of ['a b.png', 'send.toml']) writeFileSync(path.join(folder, name), '');
});
afterEach(() => rmSync(folder, { recursive: true }));

const FOLDERS = ['debug.d', 'my dir', 'sub'];

describe.each(SHELLS)('%s', (shell) => {
  const test = isThere(shell) ? it : it.skip;
  const state = isThere(shell) ? '' : ` (not done: ${shell} is not installed here)`;

  test(`completes commands, flags and values, and nothing else${state}`, async () => {
    const script = completionScript(shell, PLAIN);
    const cases: [string, string[]][] = [
      ['cloudp2p ', ['help', 'send', 'set', 'shell']],
      ['cloudp2p se', ['send', 'set']],
      ['cloudp2p --', ['--help', '--version']],
      ['cloudp2p nosuch s', []],
      ['cloudp2p send o', ['one']],
      ['cloudp2p send --seed 1 o', []],
      ['cloudp2p help s', ['send', 'set', 'shell']],
      ['cloudp2p help send ', ['one']],
      ['cloudp2p help send --', []],
      ['cloudp2p send --', ['--config', '--help', '--image-dir', '--level', '--seed', '--server', '--watch']],
      ['cloudp2p send --watch --se', ['--seed', '--server']],
      ['cloudp2p send --seed 1 --c', ['--config']],
      ['cloudp2p send one --', ['--help', '--out']],
      ['cloudp2p send one -- --o', []],
      ['cloudp2p send --config se', ['send.toml']],
      ['cloudp2p send --config=se', ['send.toml']],
      ['cloudp2p send --config a', ['a b.png']],
      ['cloudp2p send --image-dir ', FOLDERS],
      ['cloudp2p send --image-dir=s', ['sub']],
      ['cloudp2p send --level ', ['debug', 'info']],
      ['cloudp2p send --level=', ['debug', 'info']],
      ['cloudp2p send --level d', ['debug']],
      ['cloudp2p send --seed ', []],
      ['cloudp2p send --seed s', []],
      ['cloudp2p send --seed=', []],
      ['cloudp2p send one a', ['a b.png']],
      ['cloudp2p send one x.png s', []],
      ['cloudp2p set ', FOLDERS],
      ['cloudp2p shell ', ['bash', 'zsh']],
    ];
    const lines = cases.map(([line]) => line);
    const answers = await offers(shell, script, lines, folder);
    expect(lines.map((line, at) => [line, answers[at]])).toEqual(cases);
    expect(complaint(shell, path.join(folder, 'script'))).toBe('');
  });

  test(`executes nothing from names and summaries${state}`, async () => {
    const before = readdirSync(folder);
    const lines = ['cloudp2p ', 'cloudp2p bad ', 'cloudp2p bad --', 'cloudp2p bad --two ', 'cloudp2p bad worse '];
    expect(await offers(shell, completionScript(shell, HOSTILE), lines, folder)).toEqual([
      ['bad', 'help'],
      ['worse'],
      ['--help', '--one', '--two'],
      EVIL_WORDS,
      EVIL_WORDS,
    ]);
    expect(complaint(shell, path.join(folder, 'script'))).toBe('');
    expect(readdirSync(folder).filter((name) => !/^(script|prelude|\..*)$/.test(name))).toEqual(before);
  });

  it('has external texts only in quotes, each on its line', () => {
    const script = completionScript(shell, HOSTILE);
    const bare = script.replace(shell === 'fish' ? /'(?:\\[\\']|[^'\\])*'/g : /'[^'\n]*'|\\'/g, '');
    expect(bare).not.toMatch(/pwned|HOME|'/);
    expect(script).not.toContain('\u001b');
    expect(script.endsWith('\n')).toBe(true);
  });
});

it('describes flags and commands where the shell can show it', () => {
  const zsh = completionScript('zsh', PLAIN);
  expect(zsh).toMatch(/^#compdef cloudp2p\n/);
  expect(zsh).toContain("'send:send pictures'");
  expect(zsh).toContain("'--config=[a file\\: TOML]:file:_files' '--image-dir=[pictures]:folder:_files -/'");
  expect(zsh).toContain("'--seed=[a number]:value: ' '*--server=[repeatable]:value: ' '--watch[go on]'");
  const fish = completionScript('fish', PLAIN).split('\n');
  const at = (typed: string): string => `complete -c cloudp2p -n '__cloudp2p_at \\'${typed}\\''`;
  expect(fish).toContain(`${at(' send')} -l 'config' -rF -d 'a file: TOML'`);
  expect(fish).toContain(`${at(' send')} -l 'level' -xa '\\'debug\\' \\'info\\'' -d 'how much'`);
  expect(fish).toContain(`${at(' send')} -l 'watch' -d 'go on'`);
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SHELLS } from '../../src/cli/completion.pure';
import { typedCommand } from '../../src/cli/command-line';
import { COMMANDS } from '../../src/index';
import { isThere, offers } from '../cli/shells';
import { cli, linesOf } from './capture';

const IDS = Object.keys(COMMANDS).filter((id) => !COMMANDS[id]!().hidden);

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-completion-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it.each(SHELLS)('%s: prints only the script; with --json as a text', async (shell) => {
  const { code, stdout, stderr } = await cli('completion', shell);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(linesOf(stdout).slice(0, 2).join('\n')).toContain(`${shell} completion of cloudp2p`);
  expect(JSON.parse((await cli('completion', shell, '--json')).stdout)).toEqual({ shell, script: stdout });
  for (const id of IDS) expect(stdout).toContain(`' ${typedCommand(id)}`);
});

(isThere('bash') ? it : it.skip)('bash offers every command with its own and the common flags', async () => {
  const { stdout: script } = await cli('completion', 'bash');
  const lines = IDS.flatMap((id) => [`cloudp2p ${typedCommand(id)}`, `cloudp2p ${typedCommand(id)} --`]);
  const typedHalf = lines.map((line) => (line.endsWith('--') ? line : line.slice(0, -1)));
  const answers = await offers('bash', script, typedHalf, folder);
  for (const [at, id] of IDS.entries()) {
    expect(answers[2 * at]).toContain(id.split(':').at(-1));
    const { flags, baseFlags } = COMMANDS[id]!();
    const shown = Object.entries({ ...baseFlags, ...flags }).filter(([, flag]) => !flag.hidden);
    const names = [...shown.map(([name]) => name), 'json', 'help'].map((name) => `--${name}`);
    expect([id, answers[2 * at + 1]]).toEqual([id, names.sort()]);
  }
});

(isThere('bash') ? it : it.skip)(
  'bash offers paths where the help says FILE or DIR, and values where it lists them',
  async () => {
    const { stdout: script } = await cli('completion', 'bash');
    const lines = [
      ...['client --config s', 'client --seed s', 'client --log-level w', 'client hide s', 'completion '],
      ...['stress --metrics-dir s', 'client reveal s', 'init s'],
    ];
    expect(
      await offers(
        'bash',
        script,
        lines.map((line) => `cloudp2p ${line}`),
        folder,
      ),
    ).toEqual([['script'], [], ['warn'], ['script'], ['bash', 'fish', 'zsh'], [], ['script'], []]);
  },
);

it.each([
  [['tcsh'], 'Expected tcsh to be one of: bash, zsh, fish'],
  [[], 'missing argument SHELL: bash, zsh, fish'],
  [['bash', 'zsh'], 'unexpected argument "zsh"'],
])('%j: one clear line, exit 2', async (argv, message) => {
  const { code, stdout, stderr } = await cli('completion', ...argv);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(linesOf(stderr)).toEqual([`Error: ${message}`, 'See "cloudp2p completion --help".']);
});

it('explains in its help how to install it for each shell', async () => {
  const { stdout } = await cli('completion', '--help');
  expect(stdout).toMatch(/~\/\.bashrc\n+ *(\$ )?source <\(cloudp2p completion bash\)\n/);
  expect(stdout).toMatch(/cloudp2p completion zsh > \S+\/_cloudp2p\n/);
  expect(stdout).toMatch(/cloudp2p completion fish > \S+\/completions\/cloudp2p\.fish\n/);
});

it('is the only command that loads all others', async () => {
  const loaded: string[] = [];
  const originals = { ...COMMANDS };
  for (const id of IDS) {
    COMMANDS[id] = () => {
      loaded.push(id);
      return originals[id]!();
    };
  }
  try {
    await cli('status', '--nope');
    expect(loaded.splice(0)).toEqual(['status']);
    await cli('completion', 'bash');
    expect(loaded).toEqual(IDS);
  } finally {
    Object.assign(COMMANDS, originals);
  }
});

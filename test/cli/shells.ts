/** Tests completion scripts in real shells. */
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Shell } from '../../src/cli/completion.pure';

/** bash older than 4 has no compopt; zsh without zpty cannot start a terminal. */
const TRIAL: Record<Shell, string> = { bash: 'type compopt', zsh: 'zmodload zsh/zpty', fish: 'true' };

export function isThere(shell: Shell): boolean {
  return spawnSync(shell, ['-c', TRIAL[shell]]).status === 0;
}

/** Parses the script in the shell; returns its error message, or ''. */
export function complaint(shell: Shell, file: string): string {
  return spawnSync(shell, ['-n', file], { encoding: 'utf8' }).stderr;
}

/** Prints the arguments it was called with. */
const ECHO = `cloudp2p() { printf '@@'; printf '<%s>' "$@"; echo; }`;

/** ESC * inserts all completions into the edited line. */
const bash = (lines: readonly string[]) => ({
  argv: ['--noprofile', '--norc', '-i'],
  input: [`${ECHO}; source ./script`, ...lines.map((line) => `${line}\u001b*`), ''].join('\n'),
});

const ALL_MATCHES = `autoload -U _all_matches; zle -C all-matches complete-word _generic; bindkey '^Xa' all-matches
zstyle ':completion:all-matches:*' old-matches false; zstyle ':completion:all-matches:*' insert true
zstyle ':completion:all-matches::::' completer _all_matches _complete`;

/**
 * Line editing needs a terminal: zpty provides one. The words to wait for are split, so that their echo does not match.
 */
const zsh = (lines: readonly string[]) => ({
  argv: [
    ...['-f', '-c'],
    `zmodload zsh/zpty; export COLUMNS=2000; zpty -b z zsh -f -i
     zpty -w z "PS1='' PS2='' RPROMPT='' PROMPT_EOL_MARK=''; autoload -U compinit; compinit -u -D"
     zpty -w z 'source ./prelude; source ./script; echo REA''DY'
     zpty -r z out '*READY*'
     for line; do
       zpty -n -w z "$line"$'\\x18a\\n'; zpty -n -w z "echo EN''D"$'\\n'
       zpty -r z out '*END*'; print -r -- "$out"
     done
     zpty -d z`,
    ...['zsh', ...lines],
  ],
  input: '',
});

const fish = (lines: readonly string[]) => ({
  argv: [
    '--no-config',
    '-c',
    `source ./script
     for line in $argv; printf @@; complete -C $line | while read -l word; printf '<%s>' $word; end; echo; end`,
    ...lines,
  ],
  input: '',
});

/**
 * Returns the completions that the shell offers for the last word of each line, sorted; only the value of
 * `--flag=value`, and folders without a slash.
 * @param folder the working folder; two files are written there
 */
export async function offers(
  ...[shell, script, lines, folder]: [Shell, string, readonly string[], string]
): Promise<string[][]> {
  writeFileSync(path.join(folder, 'script'), script);
  writeFileSync(path.join(folder, 'prelude'), `${ECHO}\n${ALL_MATCHES}\n`);
  const { argv, input } = { bash, zsh, fish }[shell](lines);
  const text = await output(shell, argv, input, folder);
  const told = [...text.matchAll(/@@((?:<[^<>]*>)*)\r?\n/g)].map(([, words = '']) =>
    [...words.matchAll(/<([^<>\t]*)(?:\t[^<>]*)?>/g)].map(([, word = '']) => word),
  );
  if (told.length !== lines.length) throw new Error(`${told.length} answers to ${lines.length} lines: ${text}`);
  return lines.map((line, at) => {
    const typed = line.split(' ').slice(1);
    const words = told[at]!.slice(shell === 'fish' ? 0 : typed.length - 1);
    return words
      .filter((word) => word !== typed.at(-1) && word !== '')
      .map((word) => word.replace(/^--[^=]*=/, '').replace(/\/$/, ''))
      .sort();
  });
}

/** Runs in its own session: an interactive shell would take over the terminal of the tests. */
function output(shell: Shell, argv: string[], input: string, cwd: string): Promise<string> {
  const env = { ...process.env, INPUTRC: '/dev/null', TERM: 'dumb', HOME: cwd };
  const child = spawn(shell, argv, { cwd, env, detached: true, timeout: 30_000 });
  let text = '';
  child.stdout.on('data', (chunk) => (text += String(chunk)));
  child.stdin.end(input);
  return new Promise((resolve, reject) => child.on('error', reject).on('close', () => resolve(text)));
}

/** Generates completion scripts for shells from a description of the commands. */
import { oneLine } from '../core/printable';
import { shellQuoted } from '../core/shell-word';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The completion of a value: paths, a list of words, or none for an arbitrary value. */
export type Value = 'file' | 'folder' | 'unknown' | readonly string[];

export interface CompletedFlag {
  /** Without dashes. */
  name: string;
  summary: string;
  /** Undefined for a boolean flag. */
  value?: Value;
  isRepeatable?: boolean;
}

export interface CompletedCommand {
  /** As it is typed: `client hide`, where `client` is a command too. */
  typed: string;
  summary: string;
  flags: readonly CompletedFlag[];
  /** The argument that follows the command; undefined if it takes none. */
  argument?: Value;
}

/** The completions after some words. */
interface Level {
  /** The words, a space before each; empty at the start. */
  typed: string;
  below: { word: string; summary: string }[];
  flags: readonly CompletedFlag[];
  argument?: Value;
}

const HELP: CompletedFlag = { name: 'help', summary: 'show flags and examples' };
const VERSION: CompletedFlag = { name: 'version', summary: 'show the version of this program' };

/** Returns the completion script of a shell, ending with a line feed. */
export function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  return `${{ bash: bashScript, zsh: zshScript, fish: fishScript }[shell](levelsOf(commands))}\n`;
}

function levelsOf(commands: readonly CompletedCommand[]): Level[] {
  const root = { typed: '', flags: [VERSION], argument: undefined };
  const levels = [root, ...commands].map(({ typed, flags, argument }) => {
    const below = commands
      .filter((other) => other.typed.split(' ').slice(0, -1).join(' ') === typed)
      .map((other) => ({ word: other.typed.split(' ').at(-1)!, summary: other.summary }));
    return { typed: typed && ` ${typed}`, below, flags: [...flags, HELP], argument };
  });
  const helps = levels.map(({ typed, below }) => ({ typed: ` help${typed}`, below: [...below], flags: [] }));
  levels[0]!.below.push({ word: 'help', summary: 'show flags and examples of a command' });
  return [...levels, ...helps];
}

/** Quotes a text for bash and zsh. */
function quoted(text: string): string {
  return shellQuoted(oneLine(text));
}

/** Lines of a `case`, without those that have no action. */
function arms(rows: readonly (readonly [string, string])[]): string {
  const busy = rows.filter(([, action]) => action !== '');
  return busy.map(([pattern, action]) => `    ${quoted(pattern)}) ${action} ;;`).join('\n');
}

/** Collects the words that name a command in `typed`; `depth` is then the index of the first other word. */
function walk(levels: readonly Level[], word: string, end: string): string {
  return `while ((depth < ${end})); do
    case "$typed ${word}" in
    ${levels.map(({ typed }) => quoted(typed)).join(' | ')}) typed="$typed ${word}" ;;
    *) break ;;
    esac
    ((depth++))
  done`;
}

function bashValue(value: Value = []): string {
  if (value === 'file') return 'compopt -o default 2>/dev/null';
  if (value === 'folder') return 'compopt -o dirnames 2>/dev/null';
  return value === 'unknown' || value.length === 0 ? '' : `_cloudp2p_offer ${value.map(quoted).join(' ')}`;
}

/** Compares words instead of passing them to `compgen -W`, which would expand them; bash completes and quotes paths. */
function bashScript(levels: readonly Level[]): string {
  const values = levels.flatMap(({ typed, flags }) =>
    flags
      .filter(({ value }) => value !== undefined)
      .map(({ name, value }) => [`${typed} --${name}`, bashValue(value) || ':'] as const),
  );
  const flags = levels.map(({ typed, flags }) => [typed, bashValue(flags.map(({ name }) => `--${name}`))] as const);
  const next = levels.map(({ typed, below, argument }) => {
    const offers = [bashValue(below.map(({ word }) => word)), bashValue(argument)];
    return [typed, offers.filter((offer) => offer !== '').join('; ')] as const;
  });
  return `# bash completion of cloudp2p, made by: cloudp2p completion bash
_cloudp2p_offer() {
  local word
  for word; do
    printf -v word %q "$word"
    if [[ $word == "$cur"* ]]; then COMPREPLY+=("$word"); fi
  done
}
_cloudp2p() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} typed='' depth=1
  COMPREPLY=()
  # bash splits --flag=value into three words.
  if [[ $cur == '=' ]]; then cur=''; fi
  if [[ $prev == '=' ]]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  ${walk(levels, '${COMP_WORDS[depth]}', 'COMP_CWORD')}
  case "$typed $prev" in
${arms(values)}
    *) _cloudp2p_word ;;
  esac
}
_cloudp2p_word() {
  if [[ " \${COMP_WORDS[*]:0:COMP_CWORD} " == *' -- '* ]]; then return; fi
  if [[ $cur == -* ]]; then
    case "$typed" in
${arms(flags)}
    esac
  elif ((depth == COMP_CWORD)); then
    case "$typed" in
${arms(next)}
    esac
  fi
}
complete -F _cloudp2p cloudp2p`;
}

/** Escapes the special characters of zsh's specifications. */
const zshEscaped = (text: string): string => text.replace(/[\\[\]:]/g, '\\$&');

function zshValue(value: Value): string {
  if (value === 'file') return ':file:_files';
  if (value === 'folder') return ':folder:_files -/';
  if (value === 'unknown') return ':value: ';
  return `:word:(${value.map((word) => quoted(word).replaceAll(':', '\\:')).join(' ')})`;
}

function zshScript(levels: readonly Level[]): string {
  const described = levels.map(({ typed, below }) => {
    const rows = below.map(({ word, summary }) => quoted(`${zshEscaped(word)}:${zshEscaped(summary)}`));
    return [typed, rows.length === 0 ? '' : `below=(${rows.join(' ')})`] as const;
  });
  const specified = levels.map(({ typed, flags, argument }) => {
    const specs = flags.map(({ name, summary, value, isRepeatable = false }) => {
      const [equals, values] = value === undefined ? ['', ''] : ['=', zshValue(value)];
      return `${isRepeatable ? '*' : ''}--${name}${equals}[${zshEscaped(summary)}]${values}`;
    });
    if (argument !== undefined) specs.push(`1${zshValue(argument)}`);
    return [typed, specs.length === 0 ? '' : `_arguments -S ${specs.map(quoted).join(' ')}`] as const;
  });
  return `#compdef cloudp2p
# zsh completion of cloudp2p, made by: cloudp2p completion zsh
_cloudp2p() {
  local typed=''
  local -a below
  integer depth=2
  ${walk(levels, '$words[depth]', 'CURRENT')}
  if ((depth == CURRENT)) && [[ $words[CURRENT] != -* ]]; then
    case "$typed" in
${arms(described)}
    esac
    if (($#below)); then _describe -t commands command below && return; fi
  fi
  words=("\${(@)words[depth - 1,-1]}")
  ((CURRENT -= depth - 2))
  case "$typed" in
${arms(specified)}
  esac
}
if [[ $funcstack[1] == _cloudp2p ]]; then _cloudp2p "$@"; else compdef _cloudp2p cloudp2p; fi`;
}

function fishQuoted(text: string): string {
  return `'${oneLine(text).replace(/[\\']/g, '\\$&')}'`;
}

/** Strips the flag of --flag=value, which fish's own function would repeat. */
const FISH_FOLDERS = '(__fish_complete_directories (commandline -ct | string replace -r "^--[^=]*=" ""))';

/** fish evaluates what follows -n and -a, hence quotes in quotes. */
const fishWords = (words: readonly string[]): string => fishQuoted(words.map(fishQuoted).join(' '));

function fishValue(value: Value): string {
  if (value === 'file') return '-rF';
  if (value === 'folder') return `-xa ${fishQuoted(FISH_FOLDERS)}`;
  return value === 'unknown' ? '-x' : `-xa ${fishWords(value)}`;
}

function fishScript(levels: readonly Level[]): string {
  const lines = levels.flatMap(({ typed, below, flags, argument }) => {
    const at = (more: string): string =>
      `complete -c cloudp2p -n ${fishQuoted(`__cloudp2p_at ${fishQuoted(typed)}${more}`)}`;
    const words = below.map(({ word, summary }) => `${at(' next')} -xa ${fishWords([word])} -d ${fishQuoted(summary)}`);
    const options = flags.map(({ name, summary, value }) => {
      const takes = value === undefined ? '' : ` ${fishValue(value)}`;
      return `${at('')} -l ${fishQuoted(name)}${takes} -d ${fishQuoted(summary)}`;
    });
    return [...words, ...options, ...(argument === undefined ? [] : [`${at(' next')} ${fishValue(argument)}`])];
  });
  return `# fish completion of cloudp2p, made by: cloudp2p completion fish
# True if these are the words of the command; with "next", if nothing follows them.
function __cloudp2p_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l typed ''
    while set -q words[1]; and contains -- "$typed $words[1]" ${levels.map(({ typed }) => fishQuoted(typed)).join(' ')}
        set typed "$typed $words[1]"
        set -e words[1]
    end
    test "$typed" = "$argv[1]"; and begin
        not set -q argv[2]; or not set -q words[1]
    end
end
complete -c cloudp2p -f
${lines.join('\n')}`;
}

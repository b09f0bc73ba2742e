/** Prepares a machine's work folder for a run: checks it, copies missing files, and tests the program. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { oneLine } from '../../core/printable';
import type { Executable } from './executable';
import { PROGRAM_FILE } from './files.pure';
import { gistOf, type Machine } from './machine';
import { DIGESTS, PREPARE, valuesOf } from './scripts.pure';

/** A file for a machine, with its path in the work folder. */
export interface WantedFile {
  path: string;
  content: Uint8Array;
  mode: number;
  /** The local file that it is a copy of; for the plan. */
  from?: string;
  /** True for images, which may be many. */
  isImage?: boolean;
}

/** A work folder and the files for it. */
export interface Place {
  machine: Machine;
  /** As in run.toml. */
  workDir: string;
  files: readonly WantedFile[];
}

/** Free space required beyond the copied files, for the records of a run. */
const SPARE_KIB = 64 * 1024;
/** Time limit for the digests of all files on a slow machine. */
const DIGEST_TIMEOUT_MS = 120_000;

/**
 * Creates a work folder, and checks that the program can run there.
 * @returns its absolute path
 * @throws ClusterError `not_reachable` naming the machine and the problem
 */
export async function checkPlace({ machine, workDir, files }: Place, executable: Executable): Promise<string> {
  const folders = [...new Set(files.map((file) => path.posix.dirname(file.path)))].filter((folder) => folder !== '.');
  const output = await machine.script(PREPARE, [workDir, ...folders]);
  const [dir] = valuesOf(output, 'dir');
  const [system = 'an unknown system'] = valuesOf(output, 'system');
  const freeKib = Number(valuesOf(output, 'free_kib')[0] ?? NaN);
  if (dir === undefined) throw machine.failure('its shell does not report the folder');
  if (system !== executable.system) {
    throw machine.failure(`it is ${system}, but ${executable.path} is for ${executable.system}`);
  }
  const neededKib = files.reduce((sum, { content }) => sum + content.length, 0) / 1024 + SPARE_KIB;
  // NaN if the output of df is unknown: then copying fails instead.
  if (freeKib < neededKib) {
    throw machine.failure(`${workDir} has ${mib(freeKib)} free, ${mib(neededKib)} are needed`);
  }
  return dir;
}

/**
 * Copies missing or different files, each atomically, sets the mode of the others, and tests the program.
 * @returns a description of what was done
 * @throws ClusterError `not_reachable`
 */
export async function copyFiles({ machine, files }: Place, dir: string, version: string): Promise<string[]> {
  const output = await machine.script(DIGESTS, [dir, ...files.map((file) => file.path)], {
    timeoutMs: DIGEST_TIMEOUT_MS,
  });
  const [digests, modes] = [valuesOf(output, 'digest'), valuesOf(output, 'mode')];
  const isThere = files.map((file, index) => isSame(file, digests[index] ?? 'none'));
  const wanted = files.filter((_, index) => !isThere[index]);
  const wrong = files.filter(({ mode }, index) => isThere[index] && modes[index] !== modeText(mode));
  // One after the other: the large file would slow the small ones down anyway.
  for (const file of wanted) {
    await machine.files((sftp) => sftp.upload(file.content, path.posix.join(dir, file.path), file.mode));
  }
  for (const file of wrong) await machine.files((sftp) => sftp.chmod(path.posix.join(dir, file.path), file.mode));
  await tryProgram(machine, dir, version);
  return [...wordsOf('copied', wanted), ...wordsOf('set the mode of', wrong)];
}

function wordsOf(what: string, files: readonly WantedFile[]): string[] {
  return files.length === 0 ? [] : [`${what} ${files.map((file) => oneLine(file.path)).join(', ')}`];
}

/** Formats the mode of a file like ls: -rw-r--r-- */
function modeText(mode: number): string {
  const bits = [...'rwxrwxrwx'].map((letter, index) => ((mode >> (8 - index)) & 1 ? letter : '-'));
  return `-${bits.join('')}`;
}

/** Runs it, as it may be another program of the same size, or one that cannot run there. */
async function tryProgram(machine: Machine, dir: string, version: string): Promise<void> {
  const program = path.posix.join(dir, PROGRAM_FILE);
  const { code, stdout, stderr } = await machine.exec([program, '--version']);
  if (code !== 0) throw machine.failure(`${program} cannot be run there: ${gistOf(stderr) || `exit code ${code}`}`);
  if (!stdout.includes(`/${version} `)) {
    throw machine.failure(`${program} reports version ${stdout.trim()}, but this program is version ${version}`);
  }
}

/** Without a tool for SHA-256, the size of the executable is compared; the other files are small. */
function isSame({ path: name, content }: WantedFile, digest: string): boolean {
  const [word, size] = digest.split(' ');
  if (word === 'size') return name === PROGRAM_FILE && Number(size) === content.length;
  return word === createHash('sha256').update(content).digest('hex');
}

function mib(kib: number): string {
  return `${Math.ceil(kib / 1024)} MiB`;
}

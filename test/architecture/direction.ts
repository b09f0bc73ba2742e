import type { Edge } from './import-graph';

/** Features, which commands call. */
const FEATURES = ['server', 'client', 'stress', 'faults', 'check', 'report', 'imaging', 'run', 'status', 'init'];

/** The rooms below src that each room may import, besides itself and core (docs/architecture.md). */
const MAY_IMPORT: Record<string, readonly string[]> = {
  main: ['index', 'cli'],
  index: ['commands', 'cli'],
  cli: ['config', 'files', 'assets', 'client'],
  commands: [...FEATURES, 'cli', 'config', 'assets', 'files'],
  files: [],
  core: [],
  config: [],
  assets: [],
  check: [],
  imaging: [],
  ssh: ['files'],
  metrics: ['files'],
  report: ['files', 'ssh'],
  status: [],
  server: ['imaging', 'files', 'metrics'],
  client: ['imaging', 'files'],
  stress: ['client', 'files', 'metrics'],
  faults: ['client', 'files', 'ssh'],
  init: ['config', 'assets', 'files'],
  run: [...FEATURES, 'files', 'ssh'],
};

/** The wings of `src/report` that each wing may import, besides itself and the top. */
const REPORT_WINGS: Record<string, readonly string[]> = {
  collect: [],
  read: ['collect'],
  analyze: ['read'],
  render: [],
  compare: ['render'],
  page: ['render'],
};

/** The room of a file: its folder below src, or the name of a file in src itself. */
export function roomOf(file: string): string {
  return /^src\/([^/.]+)/.exec(file)?.[1] ?? '';
}

/** The imports against the direction `commands → features → core`, each as a line. */
export function againstDirection(edges: readonly Edge[]): string[] {
  return edges.filter((edge) => !isAllowed(edge)).map(({ from, to }) => `${from} imports ${to}`);
}

function isAllowed({ from, to, isTypeOnly }: Edge): boolean {
  if (to === 'package.json') return isShell(roomOf(from));
  if (to.startsWith('asset:')) return roomOf(from) === 'assets';
  if (!to.startsWith('src/')) return isPackage(to) && (!to.startsWith('@oclif/') || isShell(roomOf(from)));
  const [room, other] = [roomOf(from), roomOf(to)];
  if (room === 'commands' && other === 'commands') return isOwnPart(from, to);
  if (room === 'report' && other === 'report' && wingOf(from)) return isAllowedWing(wingOf(from)!, to);
  if (other === room || other === 'core') return room in MAY_IMPORT || room === other;
  if (other === 'config' && isTypeOnly && FEATURES.includes(room)) return room !== 'check';
  return MAY_IMPORT[room]?.includes(other) ?? false;
}

/** A command imports the base and its own folder: what several commands share stands in src/cli or src/config. */
function isOwnPart(from: string, to: string): boolean {
  const folderOf = (file: string): string => /^src\/commands\/([^/.]+)/.exec(file)?.[1] ?? '';
  return to === 'src/commands/base.ts' || folderOf(from) === folderOf(to);
}

function isAllowedWing(wing: string, to: string): boolean {
  const other = wingOf(to);
  // The top joins the wings; only the types of the report itself are imported the other way.
  if (other === undefined) return /^src\/report\/report(-blocks)?\.ts$/.test(to);
  return other === wing || (REPORT_WINGS[wing]?.includes(other) ?? false);
}

function wingOf(file: string): string | undefined {
  return /^src\/report\/([^/]+)\//.exec(file)?.[1];
}

/** True for rooms that know the command line. */
function isShell(room: string): boolean {
  return ['index', 'cli', 'commands'].includes(room);
}

/** False for a path that leads out of src. */
function isPackage(specifier: string): boolean {
  return /^(node:|@?[a-z])/.test(specifier) && !/^(test|bin|config|docs|dist)\//.test(specifier);
}

/** Formats the answers of the servers as the table of `cloudp2p status` (pure). */
import type { ServerPhase, StatusFields } from '../core/protocol';
import type { Agreement } from './agreement.pure';
import type { Answer } from './answer.pure';

/** Colours a text, or returns it unchanged. */
export interface Paint {
  good(text: string): string;
  warning(text: string): string;
  bad(text: string): string;
  faint(text: string): string;
}

interface Cell {
  text: string;
  paint?: keyof Paint;
}

const HEADINGS = ['ID', 'ADDRESS', 'PHASE', 'LEADER', 'TERM', 'LOAD', 'ACTIVE/QUEUED', 'DONE', 'UPTIME', 'PEERS UP'];
const PHASE_PAINT: Record<ServerPhase, keyof Paint> = { starting: 'warning', ready: 'good', leaving: 'warning' };
const GAP = '  ';
/** Text from another machine must not control the terminal. */
const UNPRINTABLE = /[^\x20-\x7e]/g;
const MAX_CELL_CHARS = 64;

/** Returns the table and the text of the agreement below it, without a trailing newline. */
export function renderStatus(answers: readonly Answer[], agreement: Agreement, paint: Paint): string {
  const rows = answers.map((answer) => ('status' in answer ? rowOf(answer.status) : silentRow(answer.address)));
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.text.length ?? 0)),
  );
  const line = (row: readonly Cell[]): string =>
    row
      .map(({ text, paint: how }, column) => {
        const padded = column === row.length - 1 ? text : text.padEnd(widths[column] ?? 0);
        return how === undefined ? padded : paint[how](padded);
      })
      .join(GAP);
  const head = line(HEADINGS.map((text) => ({ text, paint: 'faint' })));
  return [head, ...rows.map(line), '', paint[agreement.agreed ? 'good' : 'bad'](safe(agreement.text, Infinity))].join(
    '\n',
  );
}

function rowOf(status: StatusFields): Cell[] {
  const upCount = status.peers.filter(({ up }) => up).length;
  return [
    { text: String(status.server_id) },
    { text: safe(status.address) },
    { text: status.phase, paint: PHASE_PAINT[status.phase] },
    leaderCell(status),
    { text: String(status.term) },
    { text: status.load.toFixed(1) },
    { text: `${status.active}/${status.queued}` },
    { text: String(status.tasks_done) },
    { text: showDuration(status.uptime_secs) },
    { text: `${upCount}/${status.peers.length}`, paint: upCount < status.peers.length ? 'warning' : undefined },
  ];
}

function leaderCell({ server_id: id, leader_id: leaderId }: StatusFields): Cell {
  if (leaderId === null) return { text: 'none', paint: 'bad' };
  return leaderId === id ? { text: 'leads', paint: 'good' } : { text: `server ${leaderId}` };
}

function silentRow(address: string): Cell[] {
  return [{ text: '?' }, { text: safe(address) }, { text: 'silent', paint: 'bad' }];
}

function safe(text: string, maxChars = MAX_CELL_CHARS): string {
  return text.slice(0, maxChars).replace(UNPRINTABLE, '?');
}

/** Formats a duration: 7 s, 4 min 05 s, 3 h 07 min, 2 d 03 h. */
export function showDuration(secs: number): string {
  const whole = Math.max(0, Math.floor(secs));
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const hours = Math.floor(whole / 3600);
  if (hours < 24) return `${hours} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
}

import type { FaultEvent, ServerEvent } from '../core/metrics/record';
import type { ClientFile } from './client-file';
import type { RequestColumns } from './columns';
import { Names } from './names';
import type { MachineClock } from './report';
import type { ClientTasks, Tasks } from './task-marks';

export type InputKind = 'records' | 'client' | 'events' | 'faults';

/** A file that was read: how many lines (a client's JSON: 1), and what was wrong with it. */
export interface InputFile {
  path: string;
  kind: InputKind;
  lines: number;
  badLines: number;
  /** The first few of them, with line numbers. */
  problems: string[];
}

/** The requests of one run in one machine's records. */
export interface RunRecords {
  path: string;
  folder: string;
  machineId: number;
  runId: string;
  columns: RequestColumns;
  reasons: Map<string, number>;
  retries: number;
  bytesSent: number;
  bytesReceived: number;
  interrupted: number;
  unsent: number;
  /** Unix milliseconds; Infinity and -Infinity while there is no finished request. */
  firstStartMs: number;
  lastEndMs: number;
  /** Clients with requests, by id; shared with `Inputs.tasks`. */
  clients: Map<number, ClientTasks>;
}

/** A run that was found, taken or left out. */
export interface RunSeen {
  run_id: string;
  file: string;
  requests: number;
  taken: boolean;
}

/** Everything that was read, ready for `buildReport`. Times are unix milliseconds of one clock. */
export interface Inputs {
  files: InputFile[];
  /** Machines, folders and named files that could not be read: the report is incomplete. */
  missing: string[];
  /** Differences, duplicates and what was left out, one sentence each. */
  notes: string[];
  records: RunRecords[];
  images: Names<string>;
  reasons: Names<string>;
  servers: Names<number>;
  tasks: Tasks;
  runs: RunSeen[];
  /** Of clients without records. */
  clients: ClientFile[];
  clientFileCount: number;
  /** null: no file. */
  faults: FaultEvent[] | null;
  /** Of machines whose clocks were compared with this one's; times are already corrected by them. */
  clocks: MachineClock[];
  /** null: no file. Only the kinds that tell of leadership, starts and ends. Ascending in time. */
  events: ServerEvent[] | null;
  /** Servers that wrote any event. */
  eventServerIds: number[];
  /** Executions that answered with a carrier, of tasks in the records. */
  executions: number;
}

/** Digests of more images than this would not fit into memory beside the records. */
const MAX_IMAGES = 200;
const MAX_SERVERS = 1000;
/** Their numbers stand in one byte. */
const MAX_REASONS = 200;
/** Stands for all servers beyond; no server has this id. */
export const OTHER_SERVERS = 0;

export function emptyInputs(tasks: Tasks): Inputs {
  return {
    ...{ files: [], missing: [], notes: [], records: [], tasks, runs: [], clients: [], clientFileCount: 0, clocks: [] },
    images: new Names(MAX_IMAGES, '(other images)'),
    reasons: new Names(MAX_REASONS, '(other reasons)'),
    servers: new Names(MAX_SERVERS, OTHER_SERVERS),
    ...{ faults: null, events: null, eventServerIds: [], executions: 0 },
  };
}

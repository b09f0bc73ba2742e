import { FIXED_REASONS, keptReason, OTHER_REASONS } from '../../core/metrics/failure-reasons';
import type { FaultEvent, GeneratorSample, ServerEvent, ServerSample, StressRunFile } from '../../core/metrics/record';
import type { GeneratorFold } from '../../core/metrics/saturation';
import { OTHER_SERVERS } from '../../core/metrics/summary';
import type { ClientFile } from './client-file';
import type { RequestColumns } from './columns';
import { printable } from '../../core/printable';
import { Names } from './names';
import type { ClockDoubt, LifeClock } from './clocks';
import type { ClockChange, InputFile, MachineClock, RunSeen } from '../report';
import type { ClientTasks, Tasks } from './task-marks';
import type { Thinned } from './thinned';

/** The requests of one run in one machine's records. */
export interface RunRecords {
  path: string;
  folder: string;
  machineId: number;
  runId: string;
  /** Of its times, which are already corrected. */
  clock: LifeClock;
  columns: RequestColumns;
  reasons: Map<string, number>;
  /** Requests that were counted before, in this file or another; not counted again. */
  repeats: number;
  /** The latest end of any of its lines, by which the newest run is told. */
  latestMs: number;
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

/** What a killed server had written down last; unix milliseconds. */
export interface LastWord {
  serverId: number;
  killMs: number;
  writtenMs: number;
}

/** Everything that was read, ready for `buildReport`. Times are unix milliseconds of one clock. */
export interface Inputs {
  files: InputFile[];
  /** Machines, folders and named files that could not be read: the report is incomplete. */
  missing: string[];
  /** Runs that were cut short, one sentence each; what is not there of them is in `missing` too. */
  cut: string[];
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
  faults: FaultStep[] | null;
  /** Of machines whose clocks were compared with this one's; times are already corrected by them. */
  clocks: MachineClock[];
  /** Other machines whose clocks could not be compared. */
  uncompared: string[];
  /** What became of clocks while they were recorded by; times are already corrected. */
  clockChanges: ClockChange[];
  /** Where times may be wrong all the same. */
  clockDoubts: ClockDoubt[];
  /** null: no file. Ascending in time. */
  events: KeptEvent[] | null;
  /** Servers that wrote any event. */
  eventServerIds: number[];
  /** Of servers that were killed: the time of the last thing that they had written down before. */
  lastWords: LastWord[];
  /** During the run, by server id. */
  samples: Map<number, ServerRead>;
  /** Of runs that are taken, one for each file. */
  generators: GeneratorRead[];
  /** Of runs that are taken. */
  loads: StressRunFile[];
  /** Of servers that had no room for all events of the time of the run: what they left out, executions by themselves. */
  leftOut: Map<number, LeftOut>;
  /** Executions that answered with a carrier, of tasks in the records. */
  executions: number;
}

export interface LeftOut {
  executed: number;
  others: number;
}

/** What is used of a fault's event. */
export type FaultStep = Pick<FaultEvent, 'time' | 'server_id' | 'action' | 'outcome' | 'detail'>;

type Told<E> = E extends ServerEvent
  ? Pick<E, Extract<keyof E, keyof ServerEvent | 'term' | 'leader_id' | 'peer_id'>>
  : never;

/** What is used of a server's events beside samples and executions: leadership, starts and ends. */
export type KeptEvent = Told<
  Extract<ServerEvent, { event: 'started' | 'election' | 'leader' | 'stepped_down' | 'peer_down' | 'stopped' }>
>;

/** The samples of one load generator; `fold` has seen them all. */
export interface GeneratorRead {
  machineId: number;
  samples: Thinned<GeneratorSample>;
  fold: GeneratorFold;
}

/** The samples of one server; the counts are of all of them. */
export interface ServerRead {
  samples: Thinned<TimedSample>;
  count: number;
  /** With at least as many tasks waiting as under way. */
  behindCount: number;
}

/** A server's sample, and when it was taken. */
export type TimedSample = Omit<ServerSample, 'ledger'> & { time: number };

/** Latencies of more images would not fit into memory beside the records, and their numbers stand in one byte. */
const MAX_IMAGES = 200;
export const MAX_SERVERS = 1000;
/** Their numbers stand in one byte. */
export const MAX_REASONS = 200;
const MAX_NAME_CHARS = 255;

export function emptyInputs(tasks: Tasks): Inputs {
  return {
    ...{
      files: [],
      missing: [],
      cut: [],
      notes: [],
      records: [],
      tasks,
      runs: [],
      clients: [],
      clientFileCount: 0,
      clocks: [],
      uncompared: [],
      clockChanges: [],
      clockDoubts: [],
    },
    images: new Names<string>(MAX_IMAGES, '(other images)', (name) => printable(name, MAX_NAME_CHARS)),
    reasons: new Names<string>(MAX_REASONS, OTHER_REASONS, keptReason, FIXED_REASONS),
    servers: new Names(MAX_SERVERS, OTHER_SERVERS),
    ...{ faults: null, events: null, eventServerIds: [], lastWords: [], leftOut: new Map(), executions: 0 },
    ...{ samples: new Map(), generators: [], loads: [] },
  };
}

/** Everything that was read from the files of a run, ready for `buildReport`. */
import { FIXED_REASONS, keptReason, OTHER_REASONS } from '../../core/metrics/failure-reasons';
import type { FaultEvent, GeneratorSample, ServerEvent, ServerSample, StressRunFile } from '../../core/metrics/record';
import type { GeneratorFold } from '../../core/metrics/saturation';
import { OTHER_SERVERS } from '../../core/metrics/servers';
import type { WrongCarriers } from '../../core/metrics/wrong-carriers';
import type { ClientFile } from './client-file';
import type { RequestColumns } from './columns';
import { printable } from '../../core/printable';
import { Interner } from './interner';
import type { ClockDoubt, LifeClock } from './clocks';
import type { ClockChange, InputFile, Interval, MachineClock, RunSeen } from '../report';
import type { ClientTaskFlags, TaskFlags } from './task-flags';
import type { Downsampled } from './downsample';

/** The requests of one run in one machine's records. */
export interface RunRecords {
  path: string;
  folder: string;
  machineId: number;
  runId: string;
  /** The clock of its times, which are already corrected. */
  clock: LifeClock;
  columns: RequestColumns;
  reasons: Map<string, number>;
  /** Wrong carriers, also those in the warm-up. */
  wrong: WrongCarriers;
  /** Requests that were counted before, in this file or another; not counted again. */
  repeats: number;
  /** Requests that were due when the load did not run, by its run file. */
  strays: number;
  /** Repeats that differ from the first record of their request. */
  conflicts: number;
  /** The latest end time of any line; determines the newest run. */
  latestMs: number;
  /** Without those of the warm-up, like the next two. */
  retries: number;
  bytesSent: number;
  bytesReceived: number;
  /** Undecided: in flight, or waiting for a client, at the end. */
  interrupted: number;
  unsent: number;
  /** Unix milliseconds; Infinity and -Infinity while there is no request. */
  firstStartMs: number;
  lastStartMs: number;
  lastEndMs: number;
  /** Clients with requests, by id; shared with `Inputs.tasks`. */
  clients: Map<number, ClientTaskFlags>;
}

/** The time of the last event that a killed server wrote. Unix milliseconds. */
export interface LastWord {
  serverId: number;
  killMs: number;
  writtenMs: number;
}

/** The time in which a server, from a start to its end, wrote events. Unix milliseconds. */
export interface ServerLife {
  serverId: number;
  /** -Infinity if its file begins later. */
  fromMs: number;
  lastMs: number;
  /** It said that it stopped. */
  hasStopped: boolean;
}

/** Returns the key of one machine's part of a run. */
export function partKeyOf(runId: string | null, machineId: number): string {
  return `${machineId} ${runId}`;
}

/** Times are Unix milliseconds of one clock. */
export interface Inputs {
  files: InputFile[];
  /** Machines, folders and named files that could not be read: the report is incomplete. */
  missing: string[];
  /** Runs that were cut short, one sentence each; their missing parts are in `missing` too. */
  cut: string[];
  /** Differences, duplicates and skipped data, one sentence each. */
  notes: string[];
  records: RunRecords[];
  images: Interner<string>;
  reasons: Interner<string>;
  servers: Interner<number>;
  tasks: TaskFlags;
  runs: RunSeen[];
  /** Clients without records. */
  clients: ClientFile[];
  clientFileCount: number;
  /** Clients whose own sums differ from their records. */
  differingClients: number;
  /** Wrong carriers by the clients' own files, by run and machine. */
  saidWrong: Map<string, WrongCarriers>;
  /** Requests without a record, as far as others show that they existed. */
  missingRecords: number;
  /** The times in which they may have been due. */
  gaps: Interval[];
  /** null if there is no file. */
  faults: FaultStep[] | null;
  /** Lines of that file are damaged: they may have been any fault. */
  areFaultsDamaged: boolean;
  /** That file was named, but there is none that can be read. */
  areFaultsMissing: boolean;
  /** Machines whose clocks were compared with this one's; times are already corrected. */
  clocks: MachineClock[];
  /** Other machines whose clocks could not be compared. */
  uncompared: string[];
  /** Changes of clocks during recording; times are already corrected. */
  clockChanges: ClockChange[];
  /** Periods in which times may be wrong despite the corrections. */
  clockDoubts: ClockDoubt[];
  /** null if there is no file. In ascending order of time. */
  events: KeptEvent[] | null;
  /** Servers that wrote any event. */
  eventServerIds: number[];
  /** The last event that each killed server wrote before its kill. */
  lastWords: LastWord[];
  /** In ascending order for each server. */
  lives: ServerLife[];
  /** Samples during the run, by server id. */
  samples: Map<number, ServerRead>;
  /** Samples of the selected runs, one entry for each file. */
  generators: GeneratorRead[];
  /** Run files of the selected runs. */
  loads: StressRunFile[];
  /** Events that servers dropped during the run for lack of room, by server id; executions are counted separately. */
  leftOut: Map<number, LeftOut>;
  /** Executions that answered with a carrier, for tasks in the records. */
  executions: number;
}

export interface LeftOut {
  executed: number;
  others: number;
}

/** The fields of a fault event that are used. */
export type FaultStep = Pick<FaultEvent, 'time' | 'server_id' | 'action' | 'outcome' | 'detail'>;

type Told<E> = E extends ServerEvent
  ? Pick<E, Extract<keyof E, keyof ServerEvent | 'term' | 'leader_id' | 'peer_id' | 'late_ms'>> &
      (E extends { event: 'peer_down' } ? Pick<E, 'reason'> : unknown)
  : never;

/** The server events that are used besides samples and executions: leadership, starts, stops and pauses. */
export type KeptEvent = Told<
  Extract<
    ServerEvent,
    { event: 'started' | 'election' | 'leader' | 'stepped_down' | 'peer_down' | 'stopped' | 'resumed' }
  >
>;

/** The samples of one load generator; `fold` covers all of them. */
export interface GeneratorRead {
  machineId: number;
  samples: Downsampled<GeneratorSample>;
  fold: GeneratorFold;
}

/** The samples of one server; the counts cover all of them. */
export interface ServerRead {
  samples: Downsampled<TimedSample>;
  count: number;
  /** Samples with at least as many tasks queued as active. */
  behindCount: number;
}

/** A server's sample and its time. */
export type TimedSample = Omit<ServerSample, 'ledger'> & { time: number };

/** Latencies of more images would not fit into memory beside the records; also, an index is one byte. */
const MAX_IMAGES = 200;
export const MAX_SERVERS = 1000;
/** An index is one byte. */
export const MAX_REASONS = 200;
const MAX_NAME_CHARS = 255;

export function emptyInputs(tasks: TaskFlags): Inputs {
  return {
    files: [],
    missing: [],
    cut: [],
    notes: [],
    records: [],
    tasks,
    runs: [],
    clients: [],
    clientFileCount: 0,
    differingClients: 0,
    saidWrong: new Map(),
    missingRecords: 0,
    gaps: [],
    clocks: [],
    uncompared: [],
    clockChanges: [],
    clockDoubts: [],
    images: new Interner<string>(MAX_IMAGES, '(other images)', (name) => printable(name, MAX_NAME_CHARS)),
    reasons: new Interner<string>(MAX_REASONS, OTHER_REASONS, keptReason, FIXED_REASONS),
    servers: new Interner(MAX_SERVERS, OTHER_SERVERS),
    faults: null,
    areFaultsDamaged: false,
    areFaultsMissing: false,
    events: null,
    eventServerIds: [],
    lastWords: [],
    lives: [],
    leftOut: new Map(),
    executions: 0,
    samples: new Map(),
    generators: [],
    loads: [],
  };
}

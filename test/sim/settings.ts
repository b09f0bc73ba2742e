import type { Timings } from '../../src/server/member/effects';

/** The parts of a world. Sizes and rates are those that the small bodies stand for. */
export interface WorldOptions {
  seed: number;
  servers: number;
  clients: number;
  tasksPerClient: number;
  /** Requests of a client at once. */
  inFlight: number;
  /** Programs that the clients are divided among; each can be paused. */
  programs: number;
  thinkMs: number;
  requestTimeoutMs: number;
  timings: Timings;
  /** Those of servers that differ. */
  timingsOf: ReadonlyMap<number, Timings>;
  /** The start of each server; of servers without one: 0. */
  startsMs: readonly number[];
  clientsStartMs: number;
  /** The longest delay of a message without a fault, for the checker. */
  oneWayMs: number;
  baseDelayMs: number;
  maxLateDialMs: number;
  workers: number;
  queueLimit: number;
  serviceMs: number;
  /** CPUs of each server. */
  cores: number;
  /** CPU time of an event loop for each event, and for each megabyte. */
  eventMs: number;
  megabyteMs: number;
  /** Megabytes per second of each network card. */
  bandwidth: number;
  backlog: number;
  /** Bytes of the secrets, chosen at random; 0: as small as they are. */
  images: readonly number[];
  /** Each server's clock runs fast or slow by up to this share. */
  maxDrift: number;
  /** The load of servers in percent; others are random. */
  cpu: ReadonlyMap<number, number>;
}

export const DEFAULTS: WorldOptions = {
  seed: 1,
  servers: 3,
  clients: 0,
  tasksPerClient: 0,
  inFlight: 1,
  programs: 1,
  thinkMs: 200,
  requestTimeoutMs: 10_000,
  timings: { heartbeatMs: 1000, failureTimeoutMs: 3000, electionTimeoutMs: 2000 },
  timingsOf: new Map(),
  startsMs: [],
  // The covers are decoded.
  clientsStartMs: 130,
  oneWayMs: 10,
  baseDelayMs: 0.2,
  maxLateDialMs: 0,
  workers: 2,
  queueLimit: 128,
  serviceMs: 5,
  cores: Infinity,
  eventMs: 0,
  megabyteMs: 0,
  bandwidth: Infinity,
  backlog: 511,
  images: [0],
  maxDrift: 0,
  cpu: new Map(),
};

/** The settings of one number each. */
const NUMBERS: Record<string, keyof WorldOptions> = {
  seed: 'seed',
  servers: 'servers',
  programs: 'programs',
  think: 'thinkMs',
  timeout: 'requestTimeoutMs',
  begin: 'clientsStartMs',
  'one-way': 'oneWayMs',
  delay: 'baseDelayMs',
  'late-dial': 'maxLateDialMs',
  workers: 'workers',
  queue: 'queueLimit',
  service: 'serviceMs',
  cores: 'cores',
  event: 'eventMs',
  megabyte: 'megabyteMs',
  bandwidth: 'bandwidth',
  backlog: 'backlog',
  drift: 'maxDrift',
};

/** Reads the lines of a scenario that are not steps. */
export function settingsOf(script: readonly string[]): WorldOptions {
  const options: WorldOptions = { ...DEFAULTS };
  const timingsOfServers = new Map<number, Timings>();
  for (const line of script.filter((each) => !each.startsWith('at '))) {
    const [key = '', ...words] = line.trim().split(/\s+/);
    const values = words.map(Number);
    if (key in NUMBERS) Object.assign(options, { [NUMBERS[key]!]: values[0] });
    else if (key === 'start') options.startsMs = values;
    else if (key === 'images') options.images = values;
    else if (key === 'timings' && words[0] === 'of') timingsOfServers.set(values[1]!, timings(values.slice(2)));
    else if (key === 'timings') options.timings = timings(values);
    else if (key === 'cpu') options.cpu = new Map(words[0]!.split(',').map((pair) => pairOf(pair)));
    else if (key === 'clients') {
      options.clients = values[0]!;
      options.tasksPerClient = values[2]!;
      options.inFlight = values[5] ?? 1;
    } else throw new Error(`no such setting: ${line}`);
  }
  options.timingsOf = timingsOfServers;
  return options;
}

function timings([heartbeatMs, failureTimeoutMs, electionTimeoutMs]: number[]): Timings {
  return { heartbeatMs: heartbeatMs!, failureTimeoutMs: failureTimeoutMs!, electionTimeoutMs: electionTimeoutMs! };
}

function pairOf(text: string): [number, number] {
  const [id, value] = text.split(':').map(Number);
  return [id!, value!];
}

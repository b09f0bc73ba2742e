import { Hedging } from '../../src/client/attempt/hedging';
import { VirtualClient } from '../../src/client/client';
import type { Random } from '../../src/core/environment';
import type { RequestRecord } from '../../src/core/metrics/record';
import { PauseWatch } from '../../src/core/system/pause-watch';
import { revealCarrier } from '../../src/imaging/decoder';
import type { EventQueue } from './event-queue';
import type { Network } from './network';
import { type Machine, Process } from './process';
import { newSecret } from './secret';
import { simDial } from './sim-connection';

export type ClientRecord = RequestRecord & { client_name: string };

const RUN_ID = 'sim';

/** A program with several clients, which share what they know of slow servers. */
export class SimProgram extends Process {
  readonly hedging: Hedging;
  readonly pauses: PauseWatch;

  constructor(name: string, queue: EventQueue, random: Random, clients: number, machine: Machine) {
    super(name, queue, random, machine);
    this.hedging = new Hedging(clients);
    this.pauses = new PauseWatch(this.clock);
  }
}

/** One client in a closed loop: the product's own, on simulated sockets and time. */
export class SimClient {
  readonly records: ClientRecord[] = [];
  private readonly client: VirtualClient;
  private begunCount = 0;

  constructor(
    readonly name: string,
    readonly program: SimProgram,
    private readonly network: Network,
    private readonly random: Random,
    private readonly options: {
      addresses: string[];
      tasks: number;
      inFlight: number;
      timeoutMs: number;
      thinkMs: () => number;
      secretBytes: () => number;
      clientId: number;
    },
  ) {
    const { hedging, pauses, clock } = program;
    const { clientId, addresses, timeoutMs } = options;
    this.client = new VirtualClient({
      clientId,
      clientName: name,
      runId: RUN_ID,
      addresses,
      requestTimeoutMs: timeoutMs,
      hedging,
      random,
      clock,
      pauses,
      dial: simDial(network, program, name),
    });
  }

  get isDone(): boolean {
    return this.records.length === this.options.tasks;
  }

  begin(): void {
    for (let count = 0; count < this.options.inFlight; count++) this.next();
  }

  private next(): void {
    const { tasks, thinkMs, secretBytes } = this.options;
    if (this.begunCount === tasks) return;
    const id = ++this.begunCount;
    const size = secretBytes();
    this.network.secretBytes.set(`${this.name}/${id}`, size);
    const secret = newSecret(`${this.name}/${id}`, size, this.random());
    let isRight = false;
    const onCarrier = (chunks: Uint8Array[]): void => {
      isRight = secret.equals(revealCarrier(chunks).secret);
    };
    const image = { name: `${size} bytes`, bytes: secret };
    this.client.begin(image, id, { onCarrier }, (record) => {
      if (record.success && !isRight) throw new Error(`${this.name}: request ${id} has wrong bytes`);
      this.records.push({ ...record, client_name: this.name });
      this.program.clock.after(thinkMs(), () => this.next());
    });
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import type { FaultServer } from '../../src/config/faults-config';
import type { FaultKind } from '../../src/core/fault-kinds';
import { streamLines } from '../../src/faults/agent/lines';
import type { Hello, Reply } from '../../src/faults/agent/protocol.pure';
import type { Fault, Found } from '../../src/faults/driver';
import { until } from './until';

/** One agent process, driven by hand over its protocol. */
export class TestAgent {
  readonly child: ChildProcess;
  readonly ended: Promise<number | string | null>;
  private readonly replies = new Map<number, Reply>();
  private lastId = 0;

  /** @param command the command line that starts it, including `fault-agent` */
  constructor(command: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    const [program, ...args] = command;
    this.child = spawn(program!, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    const note = (line: string): void => {
      const reply = JSON.parse(line) as Reply;
      this.replies.set(reply.id, reply);
    };
    streamLines(this.child.stdout!, 100_000, note, () => undefined);
    this.ended = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve(signal ?? code)));
    this.child.stdin!.on('error', () => undefined);
  }

  send(text: string): void {
    this.child.stdin!.write(text);
  }

  async ask<T>(verb: string, fields: object = {}): Promise<T> {
    const id = ++this.lastId;
    this.send(`${JSON.stringify({ id, verb, ...fields })}\n`);
    await until(`${verb} is answered`, () => this.replies.has(id), 30_000);
    const reply = this.replies.get(id)!;
    if ('error' in reply) throw new Error(`${reply.error.code}: ${reply.error.message}`);
    return reply.ok as T;
  }

  hello(servers: readonly FaultServer[], kinds: FaultKind[] = ['kill']): Promise<Hello> {
    return this.ask('hello', { servers, kinds });
  }

  async inject(server: number, fault: Fault, healWithinMs = 60_000): Promise<Found> {
    const found = await this.ask<Found>('find', { server });
    await this.ask('inject', { server, process: found, fault, healWithinMs });
    return found;
  }

  /** Closes its input, as if the controller were gone; returns how it ended. */
  async end(): Promise<number | string | null> {
    this.child.stdin!.end();
    return this.ended;
  }
}

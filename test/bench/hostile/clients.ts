import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { carrierOf } from '../../client/scripted-server';
import { chunk } from '../../imaging/raw-png';
import {
  assignsTo,
  HostileServer,
  type Answers,
  type Said,
  statusAnswer,
  successHead,
} from '../../support/hostile-server';
import { MB, MemoryWatch, rssBytes } from '../../support/memory';
import { inFolder, runProgram } from '../../support/program';
import { frame } from '../../support/raw';

const SECRET_BYTES = 20_000;
const ENDLESS_BYTES = 2 ** 32 - 4096;
const REASON_BYTES = 60_000;
/** Clients that grow beyond this are killed. */
const MAX_MB = 1500;

/** A server's attack on its clients. */
interface ClientAttack {
  name: string;
  answers: Answers;
  args: string[];
  /** Clients that run longer are killed: their behaviour is known by then. */
  maxSecs: number;
}

const ATTACKS: ClientAttack[] = [
  {
    name: 'a carrier without end, client hide',
    answers: { TaskRequest: endlessCarrier },
    args: ['client', 'hide', 'images/secret.png', '--out', 'carrier.png'],
    maxSecs: 10,
  },
  {
    name: '3,000 reasons of 60 KB, stress',
    answers: {
      TaskRequest: ({ fields, connection }, { said }) => {
        const error_message = `${said.length} ${'x'.repeat(REASON_BYTES)}`;
        const refusal = { request_id: fields['request_id'], success: false, error_message, error_code: 'bad_image' };
        connection.send(frame(JSON.stringify({ TaskResponse: refusal })));
      },
    },
    args: [
      ...['stress', '--clients', '10', '--requests', '300', '--min-delay-ms', '0', '--max-delay-ms', '0'],
      ...['--image-dir', 'images', '--metrics-dir', 'metrics', '--wait', '5'],
    ],
    maxSecs: 30,
  },
];

/** Starts as the right carrier, with the secret in it; after its pixels come text chunks without end. */
function endlessCarrier(said: Said): void {
  const withoutEnd = carrierOf(said.body).subarray(0, -12);
  said.connection.send(Buffer.concat([successHead(said, ENDLESS_BYTES), withoutEnd]));
  void said.connection.stream(chunk('tEXt', Buffer.alloc(60_000, 'x')), ENDLESS_BYTES - withoutEnd.length);
}

/** Measures point 8: how long clients of a hostile server run, how large they get, and their exit codes. */
export async function attackClients(builds: readonly [string, string][]): Promise<void> {
  for (const attack of ATTACKS) {
    for (const [name, program] of builds) await inFolder((folder) => measure(attack, name, program, folder));
  }
}

async function measure(attack: ClientAttack, build: string, program: string, cwd: string): Promise<void> {
  const own = assignsTo(1, ({ address }) => address);
  const server = await HostileServer.start({ ...statusAnswer(1), ...own, ...attack.answers });
  mkdirSync(path.join(cwd, 'images'));
  writeFileSync(path.join(cwd, 'images', 'secret.png'), Buffer.alloc(SECRET_BYTES, 'a secret'));
  let memory!: MemoryWatch;
  let bound: NodeJS.Timeout | undefined;
  const startMs = performance.now();
  const { code, signal } = await runProgram([...attack.args, '--server', server.address], {
    cwd,
    program,
    timeoutMs: attack.maxSecs * 1000,
    onStart: (child) => {
      memory = new MemoryWatch([child.pid!]);
      bound = setInterval(() => rssBytes(child.pid!) > MAX_MB * MB && child.kill('SIGKILL'), 20);
    },
  });
  clearInterval(bound);
  const secs = ((performance.now() - startMs) / 1000).toFixed(1);
  const [peakMb] = memory.peakMb;
  memory.stop();
  const cells = `${secs} s`.padStart(11) + `${peakMb} MB`.padStart(24);
  const end = signal === null ? `exit ${code}` : `ended by ${signal} of the bench`;
  console.log(`${`8 ${attack.name}`.padEnd(60)} ${build.padEnd(5)} ${cells}            ${end}`);
  await server.close();
}

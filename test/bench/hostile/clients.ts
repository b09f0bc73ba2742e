import path from 'node:path';
import { assignsTo, HostileServer, type Answers, successHead } from '../../support/hostile-server';
import { MemoryWatch } from '../../support/memory';
import { inFolder, runProgram } from '../../support/program';
import { frame } from '../../support/raw';

const IMAGE_DIR = path.resolve('test_images');
const ZEROS = Buffer.alloc(65_536);
const REASON_BYTES = 60_000;
/** Longer than any deadline of these clients. */
const GIVE_UP_MS = 60_000;

/** What a hostile server does to its clients. */
interface ClientAttack {
  name: string;
  answers: Answers;
  args(address: string): string[];
}

const ATTACKS: ClientAttack[] = [
  {
    name: 'a carrier without end, client hide',
    answers: { TaskRequest: (said) => void said.connection.send(successHead(said, 2 ** 32 - 4096)).stream(ZEROS, 4e9) },
    args: (address) => [
      'client',
      'hide',
      path.join(IMAGE_DIR, 'small.png'),
      '--server',
      address,
      '--out',
      'carrier.png',
    ],
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
    args: (address) => {
      const load = ['--clients', '10', '--requests', '300', '--min-delay-ms', '0', '--max-delay-ms', '0'];
      return [
        'stress',
        '--server',
        address,
        ...load,
        '--image-dir',
        IMAGE_DIR,
        '--metrics-dir',
        'metrics',
        '--wait',
        '0',
      ];
    },
  },
];

/** Point 8: how long clients of a hostile server live, how large they get, and with what exit code they end. */
export async function attackClients(builds: readonly [string, string][]): Promise<void> {
  for (const attack of ATTACKS) {
    for (const [name, program] of builds) await inFolder((folder) => measure(attack, name, program, folder));
  }
}

async function measure(attack: ClientAttack, build: string, program: string, cwd: string): Promise<void> {
  const server = await HostileServer.start({ ...assignsTo(1, ({ address }) => address), ...attack.answers });
  let memory: MemoryWatch | undefined;
  const startMs = performance.now();
  const { code, signal } = await runProgram(attack.args(server.address), {
    ...{ cwd, program, timeoutMs: GIVE_UP_MS },
    onStart: ({ pid }) => (memory = new MemoryWatch([pid!])),
  });
  const secs = ((performance.now() - startMs) / 1000).toFixed(1);
  const [peakMb] = memory!.peakMb;
  memory!.stop();
  const cells = `${secs} s`.padStart(11) + `${peakMb} MB`.padStart(24);
  console.log(`${`8 ${attack.name}`.padEnd(60)} ${build.padEnd(5)} ${cells}            exit ${code ?? signal}`);
  await server.close();
}

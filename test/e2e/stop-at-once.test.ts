/** Stop signals with nothing to clean up and nobody to wait for: the program ends at once. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { until } from '../faults/until';
import { lastEvent, serverArgs } from '../support/in-service';
import { inFolder, PROGRAM, runProgram, type Running, startProgram } from '../support/program';
import { silently } from '../support/silently';
import { makeFifo } from '../support/specials';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
/** A client's configuration with a short timeout. */
const HASTY = '[client]\nserver_addresses = ["127.0.0.1:9"]\nrequest_timeout_secs = 0.5\n';
const SMALL = path.join(__dirname, '../../test_images/small.png');

/** True if the program handles SIGHUP itself: Node's own handlers do not include it. */
function catchesHangUps({ child }: Running): boolean {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return (BigInt(`0x${/^SigCgt:\s*(\w+)/m.exec(status)![1]}`) & 1n) !== 0n;
}

describe.each(SIGNALS)('%s ends', (signal) => {
  test('a client whose metrics nobody reads', async () => {
    await inFolder(async (cwd) => {
      makeFifo(path.join(cwd, 'fifo'));
      writeFileSync(path.join(cwd, 'c.toml'), HASTY);
      const load = ['--config', 'c.toml', '--requests', '1', '--image-dir', path.dirname(SMALL)];
      const client = startProgram(['client', ...load, '--metrics-output', 'fifo'], { cwd });
      await client.says(/total requests: *1|Connection refused/i);
      client.child.kill(signal);
      expect(await client.ended).toMatchObject({
        code: 130,
        signal: null,
        stderr: 'Error: interrupted: nobody reads fifo\n',
      });
    });
  }, 30_000);

  test('client hide while it waits for an answer', async () => {
    await inFolder(async (cwd) => {
      await silently(async (address, asked) => {
        const hide = startProgram(['client', 'hide', SMALL, '--out', 'c.png', '--server', address], { cwd });
        await asked;
        hide.child.kill(signal);
        expect(await hide.ended).toMatchObject({ code: 130, signal: null, stderr: '' });
        expect(readdirSync(cwd)).toEqual([]);
      });
    });
  }, 30_000);

  test('report and client reveal, which wait for the reader of their output', async () => {
    await inFolder(async (cwd) => {
      const { args, address } = await serverArgs();
      const server = startProgram(args, { cwd });
      const hide = ['client', 'hide', SMALL, '--out', 'c.png', '--server', address];
      expect(await runProgram(['status', '--server', address, '--wait', '20'], { cwd })).toMatchObject({ code: 0 });
      expect(await runProgram(hide, { cwd })).toMatchObject({ code: 0 });
      server.child.kill('SIGKILL');
      await server.ended;
      writeFileSync(path.join(cwd, 'c.toml'), HASTY);
      const load = ['--config', 'c.toml', '--requests', '1', '--metrics-output', 'metrics/machine_1_client_1.json'];
      await runProgram(['client', ...load, '--image-dir', path.dirname(SMALL)], { cwd });
      for (const [name, ...words] of [
        ['s', 'client', 'reveal', 'c.png'],
        ['r.json', 'report', '--metrics', 'metrics', '--out', 'r.txt'],
      ]) {
        makeFifo(path.join(cwd, name!));
        const before = readdirSync(cwd);
        const running = startProgram([...words, '--out', name!], { cwd });
        // It has started, and cannot end.
        await until('it catches signals', () => catchesHangUps(running), 20_000);
        if (name === 'r.json') await until('the other file is prepared', () => hasTemporary(cwd), 20_000);
        running.child.kill(signal);
        expect(await running.ended).toMatchObject({ code: 130, signal: null, stderr: '' });
        expect(readdirSync(cwd)).toEqual(before);
      }
    });
  }, 60_000);

  test('a server that is still starting', async () => {
    await inFolder(async (cwd) => {
      const { args } = await serverArgs();
      const server = startProgram(args, { cwd });
      await until('it catches signals', () => catchesHangUps(server), 20_000);
      expect(existsSync(path.join(cwd, 'server_1_events.ndjson'))).toBe(false);
      server.child.kill(signal);
      expect(await server.ended).toMatchObject({ code: signal === 'SIGINT' ? 130 : 0, signal: null, stderr: '' });
      expect(existsSync(path.join(cwd, 'server_1.pid'))).toBe(false);
    });
  }, 30_000);
});

function hasTemporary(cwd: string): boolean {
  return readdirSync(cwd).some((name) => name.endsWith('.tmp'));
}

test('SIGQUIT makes a server leave in order', async () => {
  await inFolder(async (cwd) => {
    const { args, address } = await serverArgs();
    const server = startProgram(args, { cwd });
    expect(await runProgram(['status', '--server', address, '--wait', '20'], { cwd })).toMatchObject({ code: 0 });
    server.child.kill('SIGQUIT');
    expect(await server.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect({ isPidLeft: existsSync(path.join(cwd, 'server_1.pid')), last: lastEvent(cwd) }).toEqual({
      isPidLeft: false,
      last: 'stopped',
    });
  });
}, 60_000);

test('a FIFO without a writer as configuration does not delay a signal', async () => {
  await inFolder(async (cwd) => {
    makeFifo(path.join(cwd, 'fifo'));
    const status = startProgram(['status', '--config', 'fifo'], { cwd });
    const isWaiting = (): boolean =>
      /fifo_open|wait_for_partner/.test(readFileSync(`/proc/${status.child.pid}/wchan`, 'utf8'));
    if (!readFileSync('/proc/self/wchan', 'utf8')) return;
    await until('it waits', isWaiting, 20_000);
    status.child.kill('SIGTERM');
    expect(await status.ended).toMatchObject({ signal: 'SIGTERM' });
  });
}, 30_000);

const LOST = 'Error: cannot write to standard output: no space left on the device\n';

describe('output that is the result does not fit', () => {
  test.each([
    [['run', '--plan']],
    [['faults', '--dry-run', '--config', 'faults.toml']],
    [['status', '--watch', '--server', '127.0.0.1:9']],
    [['client', 'reveal', 'c.png', '--out', '-']],
    [['client', 'reveal', 'c.png']],
    [['client', 'hide', SMALL, '--out', '-', '--server', '$']],
    [['client', '--metrics-output', '-', '--requests', '1', '--server', '$', '--image-dir', path.dirname(SMALL)]],
  ])(
    '%j',
    async (words) => {
      await inFolder(async (cwd) => {
        writeFileSync(path.join(cwd, 'faults.toml'), '[[servers]]\nid = 1\nconfig = "s.toml"\n');
        writeFileSync(path.join(cwd, 's.toml'), '[server]\nid = 1\naddress = "127.0.0.1:9"\n[peers]\npeers = []\n');
        const { args, address } = await serverArgs();
        const server = startProgram(args, { cwd });
        try {
          await runProgram(['status', '--server', address, '--wait', '20'], { cwd });
          await runProgram(['client', 'hide', SMALL, '--out', 'c.png', '--server', address], { cwd });
          const command = words.map((word) => (word === '$' ? address : word));
          const sh = ['-c', 'exec "$0" "$@" > /dev/full', PROGRAM, ...command];
          const { code, signal, stderr } = await runProgram(sh, { cwd, program: '/bin/sh', timeoutMs: 20_000 });
          expect({ code, signal, isTold: stderr.includes(LOST) }).toEqual({ code: 4, signal: null, isTold: true });
        } finally {
          server.child.kill('SIGKILL');
          await server.ended;
        }
      });
    },
    60_000,
  );
});

test('client --metrics-output - writes to standard output, and creates no file', async () => {
  await inFolder(async (cwd) => {
    writeFileSync(path.join(cwd, 'c.toml'), HASTY);
    const load = ['--config', 'c.toml', '--requests', '1', '--image-dir', path.dirname(SMALL)];
    const { code, stdout } = await runProgram(['client', ...load, '--metrics-output', '-'], { cwd });
    expect({ code, there: readdirSync(cwd) }).toEqual({ code: 4, there: ['c.toml'] });
    expect(JSON.parse(stdout)).toMatchObject({ aggregated_stats: { total_requests: 1 } });
  });
}, 30_000);

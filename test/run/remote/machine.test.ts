import { systemClock } from '../../../src/core/system/system-clock';
import { Machine } from '../../../src/run/remote/machine';
import { describeWithSshd, type Sshd, SshLab } from '../../support/sshd';

describeWithSshd('a machine of a run', () => {
  let lab: SshLab;
  let sshd: Sshd;
  const over = new AbortController();
  beforeAll(async () => {
    lab = new SshLab();
    sshd = await lab.start();
    // Jest gives each file its own environment.
    Object.assign(process.env, { HOME: lab.home, SSH_AUTH_SOCK: '' });
  });
  afterAll(() => {
    over.abort();
    lab.stop();
  });
  const machine = (): Machine => {
    return new Machine(sshd.address, { clock: systemClock, signal: over.signal, say: () => undefined });
  };
  const hello = (it: Machine): Promise<string> => it.script('echo "$1"', ['hi'], { reconnectMs: 0 });

  test('connects on demand', async () => {
    expect(await hello(machine())).toBe('hi\n');
  });

  test('retries once after a lost connection, even without waiting', async () => {
    const it = machine();
    await it.connect();
    sshd.dropConnections();
    expect(await hello(it)).toBe('hi\n');
  });

  test('does not wait if the machine is gone', async () => {
    const it = machine();
    await it.connect();
    sshd.stop();
    const startMs = performance.now();
    await expect(hello(it)).rejects.toMatchObject({ code: 'not_reachable' });
    // A second time, which starts from a failed connection.
    await expect(hello(it)).rejects.toThrow('connection refused');
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });
});

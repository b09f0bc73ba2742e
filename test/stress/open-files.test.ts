import { checkOpenFiles } from '../../src/stress/open-files';

it('reports the need, the limit, and how to raise it', () => {
  const message =
    '--clients: 5000 clients of 3 servers need up to 15100 open files and the limit of this process is 4096: raise the limit ' +
    '(ulimit -n 16384; where that is not permitted, "nofile" in /etc/security/limits.conf, or LimitNOFILE= of a systemd unit) or use fewer clients';
  const expected = expect.objectContaining({ code: 'bad_usage', message }) as Error;
  expect(() => checkOpenFiles(5000, 3, 4096)).toThrow(expected);
});

it.each([
  [300, 3, 1000],
  [1, 1, 101],
  [100_000, 20, Infinity],
])('%i clients of %i servers with a limit of %d', (clients, servers, limit) => {
  expect(() => checkOpenFiles(clients, servers, limit)).not.toThrow();
  if (limit !== Infinity) expect(() => checkOpenFiles(clients + 1, servers, limit)).toThrow();
});

it('knows the limit of this process', () => {
  expect(() => checkOpenFiles(1, 1)).not.toThrow();
  expect(() => checkOpenFiles(10_000_000, 100)).toThrow(/the limit of this process is \d+:/);
});

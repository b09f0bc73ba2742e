import { fitConnections } from '../../src/server/open-files';

const needs = { maxConnections: 16_384, peerCount: 2, workers: 4, hasMetrics: false, hasTls: false };

it('keeps connections and handshakes unchanged where the limit allows', () => {
  for (const limit of [20_000, Infinity]) {
    expect(fitConnections(needs, limit)).toEqual({ maxConnections: 16_384, maxHandshakes: 1024, warnings: [] });
  }
});

it.each([
  [1024, needs, 924],
  [1024, { ...needs, workers: 8 }, 892],
  [1024, { ...needs, peerCount: 10 }, 908],
  [1024, { ...needs, hasMetrics: true }, 884],
])('of %i files for %j keeps %i for connections, and says so', (limit, each, maxConnections) => {
  const fitted = fitConnections(each, limit);
  expect(fitted.maxConnections).toBe(maxConnections);
  expect(fitted.warnings).toEqual([
    `limits.max_connections is 16384, but this process is limited to ${limit} open files: it accepts at most ${maxConnections} ` +
      'connections; for all of them raise the limit (ulimit -n 32768; where that is not permitted, "nofile" in ' +
      '/etc/security/limits.conf, or LimitNOFILE= of a systemd unit)',
  ]);
});

it('counts ongoing handshakes in addition to the connections', () => {
  const { maxConnections, maxHandshakes } = fitConnections({ ...needs, hasTls: true }, 1024);
  expect(maxHandshakes).toBe(231);
  expect(maxConnections + maxHandshakes).toBe(924);
});

it.each([
  [{ ...needs, hasTls: false }, 103],
  [{ ...needs, hasTls: true }, 104],
])('refuses to start with less than the peers and one client need: %j', (each, least) => {
  expect(() => fitConnections(each, least - 1)).toThrow(
    `needs at least ${least} open files and the limit of this process is`,
  );
  expect(fitConnections(each, least).maxConnections).toBeGreaterThanOrEqual(3);
});

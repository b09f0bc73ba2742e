import { COMMANDS } from '../../src/index';

it('prom-client is only loaded when metrics are requested', async () => {
  let isLoaded = false;
  jest.doMock('prom-client', () => {
    isLoaded = true;
    return jest.requireActual<object>('prom-client');
  });
  for (const load of Object.values(COMMANDS)) load();
  expect(isLoaded).toBe(false);
  await import('../../src/metrics/server-metrics');
  expect(isLoaded).toBe(true);
});

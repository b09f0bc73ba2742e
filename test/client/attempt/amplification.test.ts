import type { WorldOptions } from '../../sim/settings';
import { World } from '../../sim/world';

const CLIENTS = 40;
const TASKS_PER_CLIENT = 10;

/** Executions per request of a closed loop far beyond what the servers can do; one of them may stop meanwhile. */
function executionsPerRequest(options: Partial<WorldOptions>, stopped: 'none stops' | 'one stops'): number {
  const world = new World({
    seed: 5,
    clients: CLIENTS,
    tasksPerClient: TASKS_PER_CLIENT,
    thinkMs: 5,
    clientsStartMs: 200,
    ...options,
  });
  world.start();
  world.runUntil(4000);
  if (stopped === 'one stops') world.pause(2);
  world.runUntil(9000);
  if (stopped === 'one stops') world.resume(2);
  world.runUntil(120_000);
  const records = world.clients.flatMap((client) => client.records);
  expect(records).toHaveLength(CLIENTS * TASKS_PER_CLIENT);
  const executions = world.events.filter((event) => event.event === 'executed' && event.outcome !== 'overloaded');
  return executions.length / records.length;
}

test.each([
  ['a queue as long as the deadline', { serviceMs: 300, queueLimit: 128 }],
  ['a short queue', { serviceMs: 200, queueLimit: 8 }],
  ['one worker each', { serviceMs: 100, workers: 1 }],
  ['tasks of more than a second', { serviceMs: 1200, requestTimeoutMs: 60_000 }],
])('under overload a task is executed at most 1.2 times: %s', (_, options) => {
  expect(executionsPerRequest(options, 'none stops')).toBeLessThanOrEqual(1.2);
  expect(executionsPerRequest(options, 'one stops')).toBeLessThanOrEqual(1.2);
});

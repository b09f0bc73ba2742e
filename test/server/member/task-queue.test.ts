import * as fc from 'fast-check';
import { type Task, TaskQueue } from '../../../src/server/member/task-queue';

const task = (executionId: number, deadlineMs = Infinity): Task => ({
  executionId,
  key: `key ${executionId}`,
  connId: executionId,
  requestId: executionId,
  deadlineMs,
  secretBytes: 1,
  startByMs: Infinity,
});

const ids = (tasks: Task[]): number[] => tasks.map(({ executionId }) => executionId);

function queueOf(workers: number, ...tasks: Task[]): TaskQueue {
  const queue = new TaskQueue(workers);
  for (const each of tasks) queue.push(each);
  return queue;
}

it('starts as many as there are workers, in order of arrival', () => {
  const queue = queueOf(2, task(1), task(2), task(3));
  expect(ids(queue.take(0).start)).toEqual([1, 2]);
  expect([queue.activeCount, queue.queuedCount, ids(queue.take(0).start)]).toEqual([2, 1, []]);
  queue.finish(1, 'answered');
  expect(ids(queue.take(0).start)).toEqual([3]);
});

it('returns those whose client gave up, at the deadline itself, and starts the next instead', () => {
  const queue = queueOf(1, task(1, 100), task(2, 101));
  const { start, expired } = queue.take(100);
  expect([ids(start), ids(expired)]).toEqual([[2], [1]]);
  expect([queue.activeCount, queue.queuedCount]).toEqual([1, 0]);
});

it('a task that cannot be done in time is not executed, unless nothing else runs: the estimate may be wrong', () => {
  const queue = queueOf(2, task(1, 100), task(2, 100), task(3, 200));
  const { start, expired } = queue.take(0, () => 150);
  expect([ids(start), ids(expired)]).toEqual([[1, 3], [2]]);
});

it('starts the newest first once the oldest should have started', () => {
  const late = { ...task(1, 1000), startByMs: 500 };
  const queue = queueOf(1, late, task(2, 1400), task(3, 1500));
  expect(ids(queue.take(501).start)).toEqual([3]);
  queue.finish(3, 'answered');
  expect(ids(queue.take(501).start)).toEqual([2]);
  queue.finish(2, 'answered');
  expect(ids(queue.take(502).start)).toEqual([1]);
});

it('knows how many bytes wait and run', () => {
  const queue = queueOf(1, { ...task(1), secretBytes: 5 }, { ...task(2), secretBytes: 7 });
  expect(queue.secretBytes).toBe(12);
  queue.take(0);
  queue.finish(1, 'answered');
  expect(queue.secretBytes).toBe(7);
});

it('counts answered tasks, and ends each task once', () => {
  const queue = queueOf(3, task(1), task(2), task(3));
  queue.take(0);
  expect([queue.finish(1, 'answered'), queue.finish(1, 'answered')]).toEqual([task(1), undefined]);
  queue.finish(2, 'failed');
  queue.finish(3, 'cancelled');
  expect([queue.doneCount, queue.isIdle]).toEqual([1, true]);
});

it('drops waiting and running tasks alike, and a dropped task cannot end', () => {
  const queue = queueOf(1, task(1), task(2), task(3));
  queue.take(0);
  expect(ids(queue.drop(({ connId }) => connId < 3)).sort()).toEqual([1, 2]);
  expect([queue.activeCount, queue.queuedCount, queue.finish(1, 'answered'), queue.doneCount]).toEqual([
    0,
    1,
    undefined,
    0,
  ]);
});

test('every task leaves the queue once: started and ended, expired or dropped', () => {
  const step = fc.tuple(fc.constantFrom('push', 'take', 'finish', 'drop'), fc.nat(30), fc.nat(50));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new TaskQueue(2);
      const inside = new Set<number>();
      const leave = (id: number): void => expect(inside.delete(id)).toBe(true);
      steps.forEach(([happens, id, deadlineMs], nowMs) => {
        if (happens === 'push') {
          queue.push(task(nowMs, deadlineMs));
          inside.add(nowMs);
        } else if (happens === 'take') queue.take(nowMs).expired.forEach(({ executionId }) => leave(executionId));
        else if (happens === 'finish') {
          if (queue.finish(id, 'answered')) leave(id);
        } else ids(queue.drop(({ executionId }) => executionId === id)).forEach(leave);
        expect(queue.activeCount).toBeLessThanOrEqual(2);
        expect(queue.activeCount + queue.queuedCount).toBe(inside.size);
        expect(queue.isIdle).toBe(inside.size === 0);
        expect(queue.secretBytes).toBe(inside.size);
      });
    }),
  );
});

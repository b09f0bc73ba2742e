import { envelopeHead, RawConnection, taskRequest } from '../../support/raw';
import { executions, only, replies, Rig } from './member-rig';
import { withServer } from '../real-server';

describe('a deadline', () => {
  it.each([0, -0, -1, -1e308, -Number.MIN_VALUE, Number.MIN_VALUE])('of %d ms is refused at once', (timeoutMs) => {
    const rig = Rig.alone();
    const effects = rig.submit(5, 1, timeoutMs);
    expect(executions(effects)).toEqual(['discard 1']);
    expect(only(replies(effects, 5, 'TaskResponse'))).toMatchObject({
      request_id: 1,
      success: false,
      error_code: 'deadline_passed',
      error_message: `timeout_ms is ${timeoutMs}: ${timeoutMs > 0 ? 'a task needs longer' : 'expected more than 0'}`,
    });
    expect(rig.status()).toMatchObject({ active: 0, queued: 0 });
  });

  it.each([1e308, 2 ** 53, 86_400_001])('of %d ms counts as a day', (timeoutMs) => {
    const rig = Rig.alone();
    const [execute] = rig.submit(5, 1, timeoutMs).filter((effect) => effect.type === 'execute');
    expect(execute).toMatchObject({ deadlineMs: rig.nowMs + 86_400_000 });
  });

  it('that passes while the task waits is answered: its client may still be there', () => {
    const rig = Rig.alone();
    for (const id of [1, 2, 3]) rig.submit(id, id, id === 3 ? 500 : 9000);
    rig.nowMs += 500;
    const effects = rig.step({ type: 'executed', executionId: 1, outcome: 'answered' });
    expect(only(replies(effects, 3, 'TaskResponse'))).toMatchObject({ request_id: 3, error_code: 'overloaded' });
  });
});

test('every deadline gets an answer on a real connection', async () => {
  await withServer({}, async ({ address }) => {
    const connection = await RawConnection.open(address);
    const deadlines = [0, -1, 1e308, 1, 1e-300, undefined, null];
    for (const [index, timeout_ms] of deadlines.entries()) {
      const { TaskRequest } = taskRequest('Deadline', index);
      connection.send(envelopeHead({ TaskRequest: { ...TaskRequest, timeout_ms } }, 3)).send(Buffer.from('abc'));
      const { message } = await connection.next();
      expect(message).toMatchObject({ TaskResponse: { request_id: index } });
    }
    // Beyond the range of numbers: JSON.parse makes it Infinity.
    const head = envelopeHead({ TaskRequest: { ...taskRequest('Deadline', 9).TaskRequest, timeout_ms: 12345 } }, 3);
    connection.send(Buffer.from(head.toString('latin1').replace('12345', '1e309'), 'latin1')).send(Buffer.from('abc'));
    expect((await connection.next()).message).toMatchObject({ Error: { code: 'bad_message' } });
    connection.destroy();
  });
});

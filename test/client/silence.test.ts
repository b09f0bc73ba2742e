import { Hedging } from '../../src/client/attempt/hedging';
import { clientOf, closeAll, startServers } from './clients';
import type { Script, ScriptedServer } from './scripted-server';

afterEach(closeAll);

const image = { name: 'a.png', bytes: Buffer.from('a secret') };
/** Longer than a silent server keeps a task. */
const LONG_MS = 1700;

/** Server 1 gets every task, and server 2 those that it must not get; no task may be hedged. */
async function twoServers(onTask: Script['onTask']): Promise<ScriptedServer[]> {
  const servers: ScriptedServer[] = [];
  const onAsk: Script['onAsk'] = (ask, self) => {
    const isExcluded = ask.message.excluded_server_ids?.includes(1) ?? false;
    self.assign(ask, servers[isExcluded ? 1 : 0]!, 1);
  };
  servers.push(...(await startServers({ onAsk, onTask }, { onAsk })));
  return servers;
}

it('a server that takes long but answers when it is asked for a sign of life keeps its task', async () => {
  const [slow, other] = await twoServers((task, self) => void setTimeout(() => self.answer(task), LONG_MS));
  const record = await clientOf([slow!, other!], { hedging: new Hedging(0) }).request(image, 1);
  expect(record).toMatchObject({ success: true, assigned_server_id: 1, hedged: false });
  expect(other!.all('TaskRequest')).toEqual([]);
  expect(slow!.all('LeaderQuery').length).toBeGreaterThan(0);
});

it('a server that does not answer loses it, and the first answer wins', async () => {
  const [silent, other] = await twoServers(() => undefined);
  silent!.answersPings = false;
  const record = await clientOf([silent!, other!], { hedging: new Hedging(0) }).request(image, 1);
  expect(record).toMatchObject({ success: true, retry_count: 0, hedged: true });
  expect(record.latency_ms).toBeGreaterThanOrEqual(850);
  expect(other!.all('TaskRequest')).toHaveLength(1);
  expect(silent!.all('TaskRequest')).toHaveLength(1);
  await silent!.got('TaskCancel');
});

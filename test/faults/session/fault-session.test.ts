import type { Driver } from '../../../src/faults/driver';
import { watched } from '../../../src/faults/session/fault-session';

test('reports every process of a server that it finds or starts', async () => {
  const seen: [number, number][] = [];
  const process = (pid: number) => ({ pid, kernelStart: 'then', uid: 0, gid: 0 });
  const driver: Driver = {
    find: (id) => Promise.resolve(id === 3 ? null : { ...process(10 * id), isPaused: false }),
    heal: (id, _, { pid }) => Promise.resolve(process(pid + id)),
    status: () => Promise.resolve(null),
    inject: () => Promise.resolve(null),
  };
  const { find, heal } = watched(driver, (id, { pid }) => seen.push([id, pid]));
  expect(await find(1)).toMatchObject({ pid: 10 });
  expect(await heal(1, 'kill', process(10))).toMatchObject({ pid: 11 });
  expect(await find(3)).toBeNull();
  expect(seen).toEqual([
    [1, 10],
    [1, 11],
  ]);
});

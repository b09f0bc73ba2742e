import { otherWriters } from '../../src/files/other-writers';

const PASSWD = 'root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/:\nbert:x:1001:1001::/:\ncarl:x:1002:100::/:\n';
const GROUP = 'root:x:0:\nanna:x:1000:\nbert:x:1001:anna\nusers:x:100:\nown:x:7:anna\nnobody:x:8:anna,carl\n';
const ANNA = 1000;

test.each<[string, number, number, number, ReturnType<typeof otherWriters>]>([
  ['nobody', 0o755, ANNA, 1001, undefined],
  ['her own group', 0o775, ANNA, 1000, undefined],
  ['a group in which she is alone', 0o775, ANNA, 7, undefined],
  ['root’s own group', 0o775, 0, 0, undefined],
  ['another one’s group', 0o775, ANNA, 1001, { who: 'group 1001', chmod: 'g-w' }],
  ['her own group with a guest', 0o775, 1001, 1001, { who: 'group 1001', chmod: 'g-w' }],
  ['a group that is another one’s first', 0o775, ANNA, 100, { who: 'group 100', chmod: 'g-w' }],
  ['a group with others', 0o775, ANNA, 8, { who: 'group 8', chmod: 'g-w' }],
  ['a group that is not known here', 0o775, ANNA, 4242, { who: 'group 4242', chmod: 'g-w' }],
  ['everybody', 0o757, ANNA, 1001, { who: 'everybody', chmod: 'o-w' }],
  ['everybody, her own group included', 0o777, ANNA, 1000, { who: 'everybody', chmod: 'o-w' }],
  ['everybody and a group', 0o777, ANNA, 8, { who: 'everybody', chmod: 'go-w' }],
])('%s may write', (_, mode, uid, gid, writers) => {
  expect(otherWriters({ mode, uid, gid }, () => ({ passwd: PASSWD, group: GROUP }))).toEqual(writers);
});

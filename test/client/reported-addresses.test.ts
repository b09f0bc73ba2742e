import { ReportedAddresses } from '../../src/client/reported-addresses';

const local = (): ReportedAddresses => new ReportedAddresses(['127.0.0.1:8001']);

it.each([
  'server2:8001',
  'server-2.example.com:65535',
  'my_service:1',
  '10.0.0.2:8001',
  '127.0.0.2:8001',
  'localhost:8001',
  '[2001:db8::2]:8001',
  '[::1]:8001',
])('%s may be the address of a server', (address) => {
  const reported = local();
  expect(reported.admits(address, 2, 1)).toBe(true);
  expect(reported.expectedAt(address)).toEqual({ id: 2, leaderId: 1 });
});

it.each([
  ...['', 'nowhere', ':80', 'host:', 'host:0', 'host:65536', 'host:-1', 'host:80 ', 'http://host:80', 'user@host:80'],
  ...[
    '0.0.0.0:80',
    '[::]:80',
    '[::ffff:0.0.0.0]:80',
    '0.1.2.3:80',
    '255.255.255.255:80',
    '224.0.0.1:80',
    '240.0.0.1:80',
  ],
  ...['[ff02::1]:80', '[::ffff:224.0.0.1]:80', '10.0.0.256:80', '1:80', 'a..b:80', '-a:80', `${'a.'.repeat(130)}a:80`],
  ...['a\nb:80', '\u001b31m:80', '\u202ehost:80', `${'h'.repeat(1000)}:80`],
])('%j cannot be the address of a server', (address) => {
  const reported = local();
  expect(reported.admits(address, 2, 1)).toBe(false);
  expect(reported.expectedAt(address)).toBeUndefined();
});

it('a configured address needs neither an id nor proof', () => {
  const reported = new ReportedAddresses(['server1:8001', '0.0.0.0:1']);
  for (const address of ['server1:8001', '0.0.0.0:1']) {
    expect(reported.admits(address, null, null)).toBe(true);
    expect(reported.expectedAt(address)).toBeUndefined();
  }
  expect(reported.admits('server2:8001', null, 1)).toBe(false);
});

it.each(['127.0.0.1:22', 'localhost:22', '[::1]:22', '[::ffff:127.0.0.1]:22'])(
  'a server on another machine may not name %s, which is this one',
  (address) => expect(new ReportedAddresses(['server1:8001', '10.0.0.1:8001']).admits(address, 2, 1)).toBe(false),
);

it('remembers a limited number', () => {
  const reported = local();
  const addresses = Array.from({ length: 1000 }, (_, index) => `server${index}:8001`);
  expect(addresses.filter((address) => reported.admits(address, 2, 1)).length).toBe(64);
  expect(reported.admits('server0:8001', 3, 4)).toBe(true);
  expect(reported.expectedAt('server0:8001')).toEqual({ id: 3, leaderId: 4 });
  expect(reported.admits('127.0.0.1:8001', 1, 1)).toBe(true);
});

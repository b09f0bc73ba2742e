import { formatAddress, parseAddress } from '../../../src/core/transport/address';

test.each([
  ['localhost:80', 'localhost', 80],
  ['127.0.0.1:65535', '127.0.0.1', 65_535],
  ['[::1]:7001', '::1', 7001],
  ['[fe80::1%eth0]:1', 'fe80::1%eth0', 1],
])('%s', (text, host, port) => {
  expect(parseAddress(text)).toEqual({ host, port });
  expect(formatAddress(host, port)).toBe(text);
});

test.each([
  '',
  'host',
  'host:',
  ':80',
  'host:x',
  'host:70000',
  '::1:80',
  '[::1]',
  '[host]:80',
  'a b:80',
  'h:1:2',
  'h:-1',
])('%j is not an address', (text) =>
  expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: 'bad_config' })),
);

test('an IPv4-mapped IPv6 address is shown as IPv4', () => {
  expect(formatAddress('::ffff:10.0.0.1', 5)).toBe('10.0.0.1:5');
  expect(formatAddress('::ffff:1', 5)).toBe('[::ffff:1]:5');
});

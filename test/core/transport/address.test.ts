import * as fc from 'fast-check';
import {
  addressOf,
  canonicalAddress,
  formatAddress,
  hostOf,
  isDialAddress,
  isListenAddress,
  isLoopbackAddress,
  isSameEndpoint,
  parseAddress,
} from '../../../src/core/transport/address';
import { codePoint } from '../../support/code-points';

describe('parseAddress', () => {
  test.each([
    ['127.0.0.1:8001', '127.0.0.1', 8001],
    ['localhost:1', 'localhost', 1],
    ['server1.example.com:65535', 'server1.example.com', 65535],
    ['my_service-2:80', 'my_service-2', 80],
    ['3com.example:80', '3com.example', 80],
    ['[::1]:8001', '::1', 8001],
    ['[fe80::1%eth0]:8001', 'fe80::1%eth0', 8001],
    ['[2001:db8::ffff:1.2.3.4]:9', '2001:db8::ffff:1.2.3.4', 9],
  ])('reads %s', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
    expect(addressOf(text)).toEqual({ host, port });
    expect(formatAddress(host, port)).toBe(text);
    expect(hostOf(text)).toBe(text.slice(0, text.lastIndexOf(':')));
  });

  test.each([
    '',
    'localhost',
    ':8001',
    'localhost:',
    'localhost:0',
    'localhost:65536',
    'localhost:080',
    'localhost:-1',
    'localhost:8001 ',
    ' localhost:8001',
    'localhost:8001\n',
    'http://localhost:8001',
    'user@host:22',
    'a..b:80',
    '.a:80',
    '-a:80',
    'a-:80',
    '10.0.0.256:80',
    '10.0.0:80',
    '1:80',
    '::1:8001',
    '[::1]',
    '[::1:8001',
    '[localhost]:8001',
    '[127.0.0.1]:8001',
    '[]:8001',
    'höst:80',
    `${'a.'.repeat(130)}a:80`,
    `${'a'.repeat(64)}:80`,
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
    expect(isListenAddress(text)).toBe(false);
    expect(() => addressOf(text)).toThrow(expect.objectContaining({ code: 'bad_config' }));
  });

  test.each([
    ['::ffff:10.0.0.1', '10.0.0.1:5'],
    ['::ffff:1', '[::ffff:1]:5'],
    ['::ffff:a00:1%eth0.1', '[::ffff:a00:1%eth0.1]:5'],
  ])('formats %s as %s', (host, text) => expect(formatAddress(host, 5)).toBe(text));

  test('reads back every IPv4 and IPv6 address that it writes', () => {
    const port = fc.integer({ min: 1, max: 65535 });
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), port, (host, number) => {
        const text = formatAddress(host, number);
        expect(parseAddress(text)).toEqual({ host, port: number });
        expect(canonicalAddress(canonicalAddress(text))).toBe(canonicalAddress(text));
      }),
    );
  });

  test('accepts any text without throwing', () => {
    fc.assert(
      fc.property(fc.string({ unit: codePoint }), (text) => {
        parseAddress(text);
        canonicalAddress(text);
        isSameEndpoint(text, '127.0.0.1:1');
      }),
    );
  });
});

describe('reachability', () => {
  test('a wildcard is only for listening', () => {
    for (const text of ['0.0.0.0:80', '[::]:80', '[0:0::0]:80', '[::ffff:0.0.0.0]:80']) {
      expect(isListenAddress(text)).toBe(true);
      expect(isDialAddress(text)).toBe(false);
    }
    expect(isDialAddress('localhost:80')).toBe(true);
    expect(isDialAddress(80)).toBe(false);
  });

  test.each([
    ['127.0.0.1:80', true],
    ['127.9.9.9:80', true],
    ['LocalHost:80', true],
    ['[0::1]:80', true],
    ['[::ffff:127.0.0.1]:80', true],
    ['[::FFFF:7f00:1]:80', true],
    ['[::ffff:10.0.0.1]:80', false],
    ['[::7f00:1]:80', false],
    ['[::]:80', false],
    ['127.example.com:80', false],
  ])('only this machine reaches %s: %s', (text, is) => {
    expect(isLoopbackAddress(text)).toBe(is);
  });

  test.each([
    ['localhost:80', 'LocalHost:80', true],
    ['[::1]:80', '[0:0:0:0:0:0:0:1]:80', true],
    ['0.0.0.0:80', '127.0.0.1:80', true],
    ['[::]:80', 'localhost:80', true],
    ['0.0.0.0:80', '[::1]:80', true],
    ['0.0.0.0:80', '127.0.0.1:81', false],
    ['0.0.0.0:80', 'server2.example.com:80', false],
    ['0.0.0.0:80', '127.example.com:80', false],
    ['127.0.0.1:80', '127.0.0.2:80', false],
    ['10.0.0.1:80', '[::ffff:a00:1]:80', true],
    ['[::ffff:0.0.0.0]:80', '127.0.0.1:80', true],
    ['10.0.0.1:80', '[::a00:1]:80', false],
    ['nonsense', '127.0.0.2:80', false],
  ])('%s meets itself at %s: %s', (own, other, same) => {
    expect(isSameEndpoint(own, other)).toBe(same);
  });
});

import { trafficOf } from '../../src/faults/drivers/network/traffic';

const server = (host: string, ...peers: string[]) => ({ id: 1, address: { host, port: 8001 }, peers });

describe('the packets of a server', () => {
  test.each([
    '127.0.0.1:8002',
    '127.9.9.9:8002',
    '[::1]:8002',
    '[0::1]:8002',
    '[::ffff:127.0.0.1]:8002',
    '[::ffff:7f00:1]:8002',
  ])('cannot be told apart from those of its peer at %s', async (peer) => {
    await expect(trafficOf(server('192.0.2.1', peer))).rejects.toThrow('its peer at port 8002 is on this same machine');
  });

  test.each(['127.0.0.1', '::1', 'LocalHost', '::ffff:127.0.0.1'])('alone on %s are left alone', async (host) => {
    await expect(trafficOf(server(host))).rejects.toThrow('it runs alone on loopback');
  });

  test.each([
    ['192.0.2.7:8002', '192.0.2.7'],
    ['[2001:db8::7]:8002', '2001:db8::7'],
    // The dialed address is IPv4, and a rule for IPv6 would never match.
    ['[::ffff:192.0.2.7]:8002', '192.0.2.7'],
  ])('to %s go to %s', async (peer, address) => {
    expect(await trafficOf(server('192.0.2.1', peer))).toEqual({
      serverId: 1,
      port: 8001,
      peers: [{ address, port: 8002 }],
    });
  });
});

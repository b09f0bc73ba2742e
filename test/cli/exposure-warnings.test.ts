import { exposureWarnings } from '../../src/cli/exposure-warnings';
import type { Secure } from '../../src/core/transport/tls';

const IN_THE_CLEAR =
  /^listens on (.*) without TLS \(\[tls\]\): anyone who can connect can read all traffic, send tasks and pose as a server/;

/** A Secure that objects to every certificate and records what it was asked. */
function asked(): { questions: unknown[][]; secure: Secure } {
  const questions: unknown[][] = [];
  const nameProblem = (...question: unknown[]): string => {
    questions.push(question);
    return 'names nobody';
  };
  return { questions, secure: { nameProblem } as unknown as Secure };
}

describe('a server warns', () => {
  test.each([
    ['127.0.0.1:8001', false],
    ['[::1]:8001', false],
    ['[::ffff:127.0.0.1]:8001', false],
    ['localhost:8001', false],
    ['0.0.0.0:8001', true],
    ['[::0]:8001', true],
    ['[::ffff:10.0.0.1]:8001', true],
    ['server1.lan:8001', true],
  ])('of %s without TLS: %s', (address, is) => {
    const warnings = exposureWarnings({ id: 1, address }, undefined);
    expect(warnings).toEqual(is ? [expect.stringMatching(IN_THE_CLEAR)] : []);
  });

  test.each([
    ['127.0.0.1:9101', false],
    ['[::ffff:127.0.0.1]:9101', false],
    ['0.0.0.0:9101', true],
    ['[::0]:9101', true],
    ['server1.lan:9101', true],
  ])('of metrics on %s: %s', (metricsAddress, is) => {
    expect(exposureWarnings({ id: 1, address: '127.0.0.1:8001', metricsAddress }, undefined)).toEqual(
      is ? [`serves its metrics on ${metricsAddress} over plain HTTP: anyone who can connect can read them`] : [],
    );
  });

  test.each([
    ['10.0.0.1:8001', undefined, ['10.0.0.1']],
    ['0.0.0.0:8001', 'server1.lan:8001', ['server1.lan']],
    ['[fd00::1]:8001', 'server1.lan:8001', ['server1.lan', 'fd00::1']],
    ['[::0]:8001', undefined, []],
  ])('of a certificate that names none of the hosts of %s, advertised as %s', (address, advertiseAddress, hosts) => {
    const { questions, secure } = asked();
    const warnings = exposureWarnings({ id: 7, address, advertiseAddress }, secure);
    expect(warnings).toEqual(['the certificate of [tls] cert names nobody']);
    expect(questions).toEqual([[7, hosts]]);
  });
});

import { reasonLabel, ServerLabels } from '../../src/metrics/labels.pure';

describe('labels', () => {
  it.each([
    ['Connection refused', 'Connection refused'],
    ['Request timeout after 10s', 'Request timeout after 10s'],
    ['Server error: disk of user 4711 is full', 'Server error'],
    ['something new', 'other'],
    [`Request timeout after ${'1'.repeat(1000)}s`, 'other'],
    [null, 'other'],
  ])('of the reason %s', (reason, label) => {
    expect(reasonLabel(reason)).toBe(label);
  });

  it('of servers are limited, whatever ids they claim', () => {
    const labels = new ServerLabels();
    const all = new Set(Array.from({ length: 5000 }, (_, index) => labels.of(index + 1)));
    expect(all.size).toBe(101);
    expect([labels.of(1), labels.of(100), labels.of(4000)]).toEqual(['1', '100', 'other']);
  });
});

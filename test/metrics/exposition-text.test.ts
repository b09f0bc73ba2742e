import { complaints, parsePage, valueOf } from './exposition-text';

const page = (type: string, ...lines: string[]): string =>
  `# HELP ${lines[0]} words\n# TYPE ${lines[0]} ${type}\n${lines.slice(1).join('\n')}\n`;

describe('the checker of pages', () => {
  it('reads values and labels', () => {
    const families = parsePage(page('counter', 'a_total', 'a_total{x="1",y="a \\"b\\" \\\\"} 1.5e+3', 'a_total 2'));
    expect(valueOf(families, 'a_total', { y: 'a \\"b\\" \\\\', x: '1' })).toBe(1500);
    expect(valueOf(families, 'a_total')).toBe(2);
    expect(valueOf(families, 'b_total')).toBeUndefined();
    expect(complaints(families)).toEqual([]);
  });

  it.each([
    ['a sample without TYPE', 'a 1\n'],
    ['a bad name', page('gauge', 'a', '1a 1')],
    ['a bad value', page('gauge', 'a', 'a one')],
    ['a label twice', page('gauge', 'a', 'a{x="1",x="2"} 1')],
    ['a line that does not end', 'a 1'],
  ])('does not read %s', (_, text) => {
    expect(() => parsePage(text)).toThrow();
  });

  it.each([
    ['a counter without _total', page('counter', 'a', 'a 1'), 'a: only counters end with _total'],
    ['a gauge with _total', page('gauge', 'a_total', 'a_total 1'), 'a_total: only counters end with _total'],
    ['milliseconds', page('gauge', 'a_ms', 'a_ms 1'), 'a_ms: no base unit'],
    ['NaN', page('gauge', 'a', 'a NaN'), 'a: value NaN'],
    ['a series twice', page('gauge', 'a', 'a{x="1"} 1', 'a{x="1"} 2'), 'a: a series twice'],
    ['a family twice', page('gauge', 'a') + page('gauge', 'a'), 'a: told twice'],
    ['a sample of another', page('gauge', 'a', 'b 1'), 'a: not of it: b'],
    [
      'buckets that shrink',
      page('histogram', 'a', 'a_bucket{le="1"} 2', 'a_bucket{le="+Inf"} 1', 'a_sum 1', 'a_count 1'),
      'a: its buckets make no sense',
    ],
    [
      'a histogram without its last bucket',
      page('histogram', 'a', 'a_bucket{le="1"} 1', 'a_sum 1', 'a_count 1'),
      'a: its buckets make no sense',
    ],
  ])('complains about %s', (_, text, fault) => {
    expect(complaints(parsePage(text))).toEqual([fault]);
  });
});

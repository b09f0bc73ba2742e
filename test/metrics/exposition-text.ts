/** One line of a Prometheus page. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** The lines that belong to one HELP and TYPE. */
export interface Family {
  name: string;
  type: string;
  help: string;
  samples: Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
const VALUE = /^(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[+-]Inf|NaN)$/;

/** Parses a page in the text format 0.0.4. @throws Error naming the invalid line */
export function parsePage(page: string): Family[] {
  const families: Family[] = [];
  if (!page.endsWith('\n')) throw new Error('the last line does not end');
  for (const line of page.split('\n')) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    const family = families.at(-1);
    if (keyword === 'HELP') families.push({ name, type: '', help: rest, samples: [] });
    else if (keyword === 'TYPE' && family?.name === name && family.type === '') family.type = rest;
    else if (line !== '' && family !== undefined && family.type !== '') family.samples.push(parseLine(line));
    else if (line !== '') throw new Error(`out of place: ${line}`);
  }
  return families;
}

function parseLine(line: string): Sample {
  const [, name = '', inside = '', value = ''] = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (!NAME.test(name) || !VALUE.test(value)) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < inside.length) {
    const [, label, text] = LABEL.exec(inside) ?? [];
    if (label === undefined || label in labels) throw new Error(`bad labels: ${line}`);
    labels[label] = text!;
  }
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) };
}

/** The violations of Prometheus conventions on a page, each as a line. */
export function complaints(families: readonly Family[]): string[] {
  const seen = new Set<string>();
  return families.flatMap((family) => {
    const { name, type, help, samples } = family;
    const found = [
      ...(seen.has(name) ? ['told twice'] : []),
      ...(help.trim() === '' ? ['no help'] : []),
      ...((type === 'counter') === name.endsWith('_total') ? [] : ['only counters end with _total']),
      ...(/_(ms|millis|milliseconds|mb|kb|percent|count|sum|bucket)(_total)?$/.test(name) ? ['no base unit'] : []),
      ...(type === 'histogram' ? histogramFaults(family) : []),
      ...samples.filter((sample) => !belongs(family, sample)).map((sample) => `not of it: ${sample.name}`),
      ...samples.filter(({ value }) => !Number.isFinite(value)).map(({ value }) => `value ${value}`),
      ...(type === 'counter' && samples.some(({ value }) => value < 0) ? ['a negative counter'] : []),
      ...(new Set(samples.map(seriesOf)).size < samples.length ? ['a series twice'] : []),
    ];
    seen.add(name);
    return found.map((fault) => `${name}: ${fault}`);
  });
}

function belongs({ name, type }: Family, sample: Sample): boolean {
  if (type !== 'histogram') return sample.name === name;
  return [`${name}_bucket`, `${name}_sum`, `${name}_count`].includes(sample.name);
}

/** Checks that buckets grow, and that the last one contains everything. */
function histogramFaults({ name, samples }: Family): string[] {
  const counts = samples.filter((sample) => sample.name === `${name}_count`);
  return counts.flatMap((count) => {
    const buckets = samples
      .filter((sample) => sample.name === `${name}_bucket` && sameBut('le', sample, count))
      .map(({ labels, value }) => ({ limit: Number(labels['le']!.replace('Inf', 'Infinity')), value }));
    const grows = buckets.every(
      (each, i) => i === 0 || (each.limit > buckets[i - 1]!.limit && each.value >= buckets[i - 1]!.value),
    );
    const last = buckets.at(-1);
    return grows && last?.limit === Infinity && last.value === count.value ? [] : ['its buckets make no sense'];
  });
}

function sameBut(label: string, { labels }: Sample, other: Sample): boolean {
  const { [label]: _, ...rest } = labels;
  return JSON.stringify(rest) === JSON.stringify(other.labels);
}

function seriesOf({ name, labels }: Sample): string {
  return `${name}${JSON.stringify(Object.entries(labels).sort())}`;
}

/** The value of one series, undefined if it does not exist. */
export function valueOf(families: readonly Family[], name: string, labels: Record<string, string> = {}) {
  const wanted = seriesOf({ name, labels, value: 0 });
  return families.flatMap(({ samples }) => samples).find((sample) => seriesOf(sample) === wanted)?.value;
}

/** Gets a page, and checks what an HTTP client may expect of it. */
export async function scrape(address: string): Promise<Family[]> {
  const response = await fetch(`http://${address}/metrics`, { headers: { connection: 'close' } });
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  return parsePage(await response.text());
}

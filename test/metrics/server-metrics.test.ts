import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import type { RequestRecord, ServerEvent } from '../../src/core/metrics/record';
import { systemClock } from '../../src/core/system/system-clock';
import { runServer } from '../../src/server/run-server';
import { deadAddress } from '../status/listening';
import { linesOf, rateRun } from '../stress/rate-run';
import { documentedAndShown } from './documented';
import { complaints, type Family, scrape, valueOf } from './exposition-text';
import { serverOptions } from '../support/server-options';

let folder = '';
const at = (name: string): string => path.join(folder, name);

beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-metrics-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const events = (): ServerEvent[] =>
  readFileSync(at('events.ndjson'), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as ServerEvent);

async function scrapeUntil(address: string, isSo: (families: Family[]) => boolean): Promise<Family[]> {
  for (;;) {
    const families = await scrape(address).catch(() => []);
    if (isSo(families)) return families;
  }
}

it('the Prometheus metrics of a server agree with its events and its clients', async () => {
  const [address, metricsAddress, gone] = [await deadAddress(), await deadAddress(), await deadAddress()];
  const input = new PassThrough();
  const options = await serverOptions(folder, address, { metricsAddress, leaveAtEndOf: input });
  const member = { ...options.member, peers: [{ id: 2, address: gone }] };
  const running = runServer({ ...options, member });
  try {
    await scrapeUntil(metricsAddress, (page) => valueOf(page, 'cloudp2p_server_ready') === 1);
    const { report } = await rateRun(at('m'), [address]);
    expect(report.aggregated_stats.successful_requests).toBe(200);
    const answered = { outcome: 'answered' };
    const isDone = (page: Family[]): boolean =>
      valueOf(page, 'cloudp2p_server_executed_tasks_total', answered) === 200 &&
      valueOf(page, 'cloudp2p_server_ledger_tasks') === 0 &&
      valueOf(page, 'cloudp2p_server_connections') === 0;
    const families = await scrapeUntil(metricsAddress, isDone);
    const scrapedAt = systemClock.unixMs();
    // Once a later event is in the file, all earlier ones are too.
    await scrapeUntil(metricsAddress, () => events().some(({ time }) => time > scrapedAt));

    expect(complaints(families)).toEqual([]);
    const [documented, shown] = documentedAndShown('cloudp2p_server_', families);
    expect(shown).toEqual(documented);
    const read = (name: string, labels = {}): number | undefined =>
      valueOf(families, `cloudp2p_server_${name}`, labels);
    const happened = (name: string): ServerEvent[] =>
      events().filter(({ event, time }) => event === name && time <= scrapedAt);
    const [started] = happened('started') as { incarnation: string }[];
    expect(read('info', { server_id: '1', version: '1.2.3', incarnation: started!.incarnation })).toBe(1);
    expect([read('is_leader'), read('leader_id'), read('ready')]).toEqual([1, 1, 1]);
    expect(read('term')).toBe((happened('leader').at(-1) as { term: number }).term);
    expect(read('peer_up', { peer_id: '2' })).toBe(0);
    expect([read('active_tasks'), read('queued_tasks'), read('workers')]).toEqual([0, 0, 1]);
    expect(read('executed_tasks_total', answered)).toBe(happened('executed').length);
    expect(read('assigned_tasks_total')).toBe(happened('assigned').length);
    expect(read('leader_changes_total')).toBe(happened('leader').length);
    expect(read('elections_total')).toBe(happened('election').length);
    expect(read('event_loop_delay_seconds')).toBeGreaterThanOrEqual(0);
    // The clients' queries before the run, and their closing, are in no record.
    const records = linesOf<RequestRecord>(at('m'), 'requests');
    const sent = records.reduce((sum, { bytes_sent }) => sum + bytes_sent, 0);
    const received = records.reduce((sum, { bytes_received }) => sum + bytes_received, 0);
    expect(read('received_bytes_total')! / sent).toBeCloseTo(1, 1);
    expect(read('received_bytes_total')).toBeGreaterThanOrEqual(sent);
    expect(read('sent_bytes_total')! / received).toBeCloseTo(1, 1);
    expect(read('sent_bytes_total')).toBeGreaterThanOrEqual(received);
  } finally {
    input.destroy();
    expect(await running).toBe(0);
  }
  await expect(scrape(metricsAddress)).rejects.toThrow();
}, 30_000);

it('an address in use ends it before it joins, and the error names the file', async () => {
  const [address, metricsAddress] = [await deadAddress(), await deadAddress()];
  const input = new PassThrough();
  const running = runServer(await serverOptions(folder, address, { metricsAddress, leaveAtEndOf: input }));
  try {
    await scrapeUntil(metricsAddress, (page) => page.length > 0);
    const files = { eventsFile: at('e2'), pidFile: at('p2'), logFile: at('l2') };
    const other = runServer(await serverOptions(folder, await deadAddress(), { metricsAddress, ...files }));
    await expect(other).rejects.toMatchObject({
      code: 'address_in_use',
      message: `server.toml: metrics_address (--metrics-address): ${metricsAddress} is in use by another program`,
    });
    expect(readFileSync(at('e2'), 'utf8')).toBe('');
  } finally {
    input.destroy();
    await running;
  }
}, 30_000);

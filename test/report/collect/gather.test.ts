import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { systemClock } from '../../../src/core/system/system-clock';
import { safeName } from '../../../src/report/collect/collect-remote';
import { gather, type GatherOptions } from '../../../src/report/collect/gather';
import { runReport, type RunReportOptions } from '../../../src/report/run-report';
import { describeWithSshd, freePort, type Sshd, SshLab } from '../../support/sshd';
import { clientFile, event, fault, lines, request, T0, useLab } from '../lab';

const files = useLab();
const at = (name: string): string => path.join(files.folder, name);

test.each([
  ['client1.example.com', 'client1.example.com'],
  ['a_b-c', 'a_b-c'],
  ['::1', '__1_'],
  ['..', '__'],
  ['.ssh', '_ssh_'],
  ['a/../../b', 'a_.._.._b_'],
  ['\u001b[31m', '__31m_'],
])('%j is %s in a path', (name, safe) => {
  const made = safeName(name);
  expect(made.startsWith(safe)).toBe(true);
  expect(made).toMatch(/^[A-Za-z0-9_][\w.-]*$/);
  expect(made === name || /_[0-9a-f]{8}$/.test(made)).toBe(true);
});

describeWithSshd('from other machines', () => {
  let lab: SshLab;
  let one: Sshd;
  let two: Sshd;
  const before = { ...process.env };
  beforeAll(async () => {
    lab = new SshLab();
    [one, two] = await Promise.all([lab.start(), lab.start()]);
    process.env['HOME'] = lab.home;
    delete process.env['SSH_AUTH_SOCK'];
  });
  afterAll(() => {
    process.env = before;
    lab.stop();
  });

  const remote = (signal = new AbortController().signal) => ({
    into: at('out/collected'),
    clock: systemClock,
    interruptible: <T>(work: (signal: AbortSignal) => Promise<T>) => work(signal),
  });
  const collect = (metrics: string[], more: Partial<GatherOptions> = {}) =>
    gather({ metrics, faults: null, events: [], remote: remote(), say: () => undefined, ...more });
  async function report(metrics: string[], more: Partial<RunReportOptions> = {}) {
    const said: string[] = [];
    const made = await runReport({
      metrics,
      faults: null,
      events: [],
      runs: { take: 'newest' as const },
      thresholds: [],
      outFiles: [at('out/final_report.json'), at('out/final_report.txt')],
      remote: remote(),
      say: (line: string) => said.push(line),
      ...more,
    });
    return { report: made, text: said.join('\n') };
  }

  test("in parallel, with the guide's lines; an unreachable one is named, the rest is reported", async () => {
    for (const n of [1, 2]) files.write(`m${n}/machine_${n}_client_1.json`, clientFile(`Machine_${n}_Client_1`));
    const port = await freePort();
    const places = [`${one.address}:${at('m1')}`, `127.0.0.1:${port}:/m`, `${two.address}:${at('m2')}`];
    const { report: made, text } = await report(places);
    const why = `127.0.0.1 port ${port}: connection refused`;
    expect(text).toContain(
      `
Step 1: Collecting metrics from client machines...

[1/3] Collecting from: ${places[0]}
  ✓ Successfully collected metrics from machine 1
[2/3] Collecting from: ${places[1]}
  ✗ Failed to collect metrics from machine 2: ${why}
[3/3] Collecting from: ${places[2]}
  ✓ Successfully collected metrics from machine 3

Step 2: Aggregating metrics...

Loading metrics from: ${at('out/collected')}
Loaded 2 client metrics files
`,
    );
    expect(made.inputs.missing).toEqual([`${places[1]}: ${why}`]);
    expect(made.total_requests).toBe(20);
    expect(made.clocks.map(({ machine }) => machine)).toEqual([one.address, two.address]);
    for (const { offset_ms, uncertainty_ms } of made.clocks) {
      expect(Math.abs(offset_ms)).toBeLessThan(uncertainty_ms + 5);
    }
  });

  test('only one machine, unreachable: the error says why', async () => {
    const port = await freePort();
    await expect(report([`127.0.0.1:${port}:/m`])).rejects.toMatchObject({
      code: 'not_reachable',
      message: `there is nothing to report: 127.0.0.1:${port}:/m: 127.0.0.1 port ${port}: connection refused`,
    });
  });

  test.each([
    ['/none', /^\/none does not exist$/],
    ['/etc/hostname', /^\/etc\/hostname is not a folder$/],
    ['/etc/ssh', /^has no metrics files$/],
  ])('%s is not a place with metrics', async (place, problem) => {
    const { collected } = await collect([`${one.address}:${place}`]);
    expect(collected).toMatchObject([{ problem: expect.stringMatching(problem) }]);
  });

  test('only regular files with our names', async () => {
    const GOOD = lines([request(1, 0)]);
    files.write('m/machine_1_requests.ndjson', GOOD);
    const hostile = ['machine_2_requests.ndjson\n', 'machine_3_requests.ndjson.part', '..machine_4_requests.ndjson'];
    for (const name of [
      ...hostile,
      '\u001b[31mmachine_5_run.json',
      'machine_6_client_1.log',
      'machine_77777777777_run.json',
    ]) {
      files.write(`m/${name}`, GOOD);
    }
    files.write('secret', GOOD);
    execFileSync('ln', ['-s', at('secret'), at('m/machine_8_requests.ndjson')]);
    execFileSync('mkfifo', [at('m/machine_9_requests.ndjson')]);
    mkdirSync(at('m/machine_10_requests.ndjson'));
    const { collected, missing } = await collect([`${one.address}:${at('m')}`]);
    expect(collected).toMatchObject([
      { problem: null, recordFiles: [at('out/collected/1_127.0.0.1/machine_1_requests.ndjson')] },
    ]);
    expect(missing).toEqual([]);
    expect(readdirSync(at('out/collected/1_127.0.0.1'))).toEqual(['machine_1_requests.ndjson']);
    expect(readFileSync(collected[0]!.recordFiles[0]!, 'utf8')).toBe(GOOD);
  });

  test('a file that shrinks meanwhile is named, the others are fetched', async () => {
    const content = Buffer.alloc(4_000_000, lines([request(1, 0)]));
    for (let n = 1; n <= 17; n++) files.write(`m/machine_${n}_requests.ndjson`, content);
    const collecting = collect([`${one.address}:${at('m')}`]);
    // Sixteen are fetched at once: the last one has been listed, but not yet started.
    const folder = at('out/collected/1_127.0.0.1');
    while (!existsSync(folder)) await new Promise((resolve) => setImmediate(resolve));
    truncateSync(at('m/machine_17_requests.ndjson'), 1000);
    const { collected, missing } = await collecting;
    expect(collected[0]!.recordFiles).toHaveLength(16);
    expect(missing).toEqual([`${one.address}: ${at('m/machine_17_requests.ndjson')} became shorter while it was read`]);
  });

  test('300 files are fetched once: unchanged ones are not fetched again', async () => {
    for (let n = 1; n <= 300; n++) files.write(`m/machine_1_client_${n}.json`, clientFile(`Machine_1_Client_${n}`));
    const place = `${one.address}:${at('m')}`;
    const { collected } = await collect([place]);
    expect(collected[0]!.clientFiles).toHaveLength(300);
    expect(collected[0]!.clientFiles.slice(0, 3).map((file) => path.basename(file, '.json'))).toEqual(
      [1, 2, 3].map((n) => `machine_1_client_${n}`),
    );
    const [same, changed, younger] = [1, 2, 3].map((n) => `machine_1_client_${n}.json`) as [string, string, string];
    const here = (name: string): string => path.join(at('out/collected/1_127.0.0.1'), name);
    const { atimeMs, mtimeMs } = statSync(at(`m/${same}`));
    expect(Math.floor(statSync(here(same)).mtimeMs / 1000)).toBe(Math.floor(mtimeMs / 1000));
    const swap = (name: string): void =>
      writeFileSync(at(`m/${name}`), readFileSync(at(`m/${name}`), 'utf8').replace('12.5', '99.5'));
    for (const name of [same, younger]) swap(name);
    utimesSync(at(`m/${same}`), atimeMs / 1000, mtimeMs / 1000);
    utimesSync(at(`m/${younger}`), atimeMs / 1000, mtimeMs / 1000 + 10);
    appendFileSync(at(`m/${changed}`), ' ');
    await collect([place]);
    expect(readFileSync(here(same), 'utf8')).toContain('12.5');
    expect(readFileSync(here(younger), 'utf8')).toContain('99.5');
    expect(readFileSync(here(changed), 'utf8')).toMatch(/ $/);
  });

  describe('a large file', () => {
    const CONTENT = Buffer.alloc(60_000_000, lines([request(1, 0)]));
    const place = (sshd: Sshd): string => `${sshd.address}:${at('big')}`;
    const local = (): string => at('out/collected/1_127.0.0.1/machine_1_requests.ndjson');
    const partBytes = (): number => {
      const folder = path.dirname(local());
      const part = existsSync(folder) ? readdirSync(folder).find((name) => name.endsWith('.part')) : undefined;
      return part === undefined ? 0 : statSync(path.join(folder, part)).size;
    };
    /** Resolves once the beginning of the file has arrived. */
    const begun = async (collecting: Promise<unknown>): Promise<void> => {
      let hasEnded = false;
      collecting.catch(() => undefined).finally(() => (hasEnded = true));
      while (partBytes() < 2_000_000) {
        if (hasEnded) throw new Error('it ended before anybody could look');
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    beforeEach(() => void files.write('big/machine_1_requests.ndjson', CONTENT));

    test('arrives whole although the connection is lost midway', async () => {
      const collecting = collect([place(one)]);
      await begun(collecting);
      expect(one.dropConnections()).toBeGreaterThan(0);
      expect((await collecting).collected[0]!.problem).toBeNull();
      expect(readFileSync(local()).equals(CONTENT)).toBe(true);
      expect(partBytes()).toBe(0);
    });

    test('a machine that dies midway is named; the received part is kept for the next time', async () => {
      const sshd = await lab.start();
      const collecting = collect([place(sshd)]);
      await begun(collecting);
      sshd.stop();
      expect((await collecting).collected[0]!.problem).toMatch(/connection refused$|connection was lost$/);
      expect(partBytes()).toBeGreaterThan(2_000_000);
    });

    test('Ctrl-C ends at once, says where files are kept, and the next call resumes', async () => {
      const controller = new AbortController();
      const making = report([place(one)], { remote: remote(controller.signal) });
      await begun(making);
      controller.abort();
      await expect(making).rejects.toMatchObject({
        code: 'interrupted',
        message: `interrupted: fetched files stay in ${at('out/collected')}; the same command resumes there`,
      });
      const bytes = partBytes();
      expect(bytes).toBeGreaterThan(2_000_000);
      // A wrong byte in the received part shows that it was not fetched again.
      const part = path.join(path.dirname(local()), readdirSync(path.dirname(local()))[0]!);
      const begin = readFileSync(part);
      begin[0] = 0;
      writeFileSync(part, begin);
      await collect([place(one)]);
      const whole = readFileSync(local());
      expect(whole[0]).toBe(0);
      expect(whole.subarray(1).equals(CONTENT.subarray(1))).toBe(true);
    });
  });

  test('events and faults, too, over one connection per machine', async () => {
    files.requests([request(1, 0), request(2, 100)], 'm/machine_1_requests.ndjson');
    const led = { event: 'leader' as const, term: 1, leader_id: 1, reason: 'won' };
    files.write('srv/server_1_events.ndjson', lines([event(-10, 1, led)]));
    files.write('srv/below/server_2_events.ndjson', lines([event(-10, 2, led)]));
    files.write('srv/below/other.ndjson', 'x');
    files.write('srv/fault.ndjson', lines([fault(50, 1, 'kill'), fault(60, 1, 'restart')]));
    const place = (name: string): string => `${one.address}:${at(name)}`;
    const { report: made, text } = await report([place('m')], {
      events: [place('srv'), `${two.address}:/none`].map((name) => ({ path: name, required: true })),
      faults: { path: place('srv/fault.ndjson'), required: false },
    });
    expect(made.inputs.files.filter(({ kind }) => kind === 'events')).toHaveLength(2);
    expect(made.faults).toHaveLength(1);
    expect(made.inputs.missing).toEqual([`${two.address}:/none: /none does not exist`]);
    expect(made.clocks.map(({ machine }) => machine)).toEqual([one.address]);
    expect(text).toContain(`[1/2] Collecting events from: ${place('srv')}
  ✓ Successfully collected events from server machine 1
[2/2] Collecting events from: ${two.address}:/none
  ✗ Failed to collect events from server machine 2: /none does not exist
Collecting faults from: ${place('srv/fault.ndjson')}
  ✓ Successfully collected faults
`);
  });

  test('a machine whose clock is 3 s ahead: its times are corrected, and the report shows the offset', async () => {
    const ahead = await lab.start({ env: { PATH: lab.wrongClock(3) } });
    const records = Array.from({ length: 200 }, (_, n) => request(n + 1, n * 25, { start_time: T0 + 3000 + n * 25 }));
    files.requests(records, 'm/machine_1_requests.ndjson');
    files.faults([fault(1000, 1, 'kill'), fault(2000, 1, 'restart')]);
    const { report: made } = await report([`${ahead.address}:${at('m')}`], {
      faults: { path: at('fault_events.ndjson'), required: true },
    });
    const [clock] = made.clocks;
    expect(Math.abs(clock!.offset_ms - 3000)).toBeLessThan(clock!.uncertainty_ms + 5);
    // Without the offset the fault would come before the first request, and its effects would be unknown.
    const [judged] = made.faults!;
    expect(judged).toMatchObject({ start: T0 + 1000, end: T0 + 2000, felt_ms: 0, recovered_ms: 0 });
    expect(made.timeline!.from).toBeLessThan(T0 + 1000);
  });

  test('an unreadable clock is reported, and the files are fetched anyway', async () => {
    const mute = await lab.start({ env: { PATH: '/nowhere' } });
    files.requests([request(1, 0)], 'm/machine_1_requests.ndjson');
    const { report: made } = await report([`${mute.address}:${at('m')}`]);
    expect(made.clocks).toEqual([]);
    expect(made.inputs.notes).toContain(
      `The clock of ${mute.address} could not be compared: its times are used uncorrected`,
    );
    expect(made.total_requests).toBe(1);
  });

  test('the same place twice counts once', async () => {
    files.requests([request(1, 0)], 'm/machine_1_requests.ndjson');
    const place = `${one.address}:${at('m')}`;
    const { report: made } = await report([place, place]);
    expect(made.inputs.missing).toEqual([`${place}: is the same folder as an earlier one`]);
    expect(made.total_requests).toBe(1);
  });

  test('an error if files cannot be written here', async () => {
    files.requests([request(1, 0)], 'm/machine_1_requests.ndjson');
    files.write('out/collected', 'a file');
    await expect(collect([`${one.address}:${at('m')}`])).rejects.toMatchObject({
      code: 'bad_usage',
      message: expect.stringMatching(/^cannot write .*collected.*: /),
    });
  });
});

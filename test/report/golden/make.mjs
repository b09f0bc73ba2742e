// Makes the golden files beside it: what one build of cloudp2p writes in runs of each kind, for golden.test.ts.
//
//   node test/report/golden/make.mjs PROGRAM [NAME...]
//
// PROGRAM is a built cloudp2p, NAME one of the runs below (default: all, about a minute). Each run has three servers of
// its own on free ports of 127.0.0.1, in a temporary folder. Its records, events and report go to the folder NAME, with
// neutral names in place of the host, paths and process ids; expected.json there has the counts of the raw lines.
// The files show what the build of then wrote. Make them again only to replace that build by another one.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = import.meta.dirname ?? path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, '..', '..', '..');
const IDS = [1, 2, 3];
const SEED = '14';
const KEPT = /^(metrics\/machine_\w+\.(nd)?json|(server\d\/)?server_\d_events\.ndjson|fault_events\.ndjson|run\.json)$/;
const REPORTS = ['final_report.json', 'final_report.txt'];
const MAX_FOLDER_BYTES = 160_000;
/** No process of a run lives longer. */
const MAX_MS = 60_000;

const RUNS = {
  /** Think times; the leader is killed and restarted. */
  async closed(lab) {
    await lab.startServers();
    const stress = lab.stress('--clients 4 --requests 36 --min-delay-ms 50 --max-delay-ms 200');
    await stress.says('Starting client');
    await wait(1500);
    await lab.faults('--kind kill --target leader --restart-delay 1');
    await stress.ended();
  },

  /** A rate that the servers can serve; the leader is paused. */
  async open(lab) {
    await lab.startServers();
    const stress = lab.stress('--rate 25 --duration 5 --clients 8');
    await stress.says('Starting client');
    await wait(1500);
    await lab.faults('--kind pause --target leader --restart-delay 1');
    await stress.ended();
  },

  /** A rate that the servers cannot serve: carriers cost them much, and a request that waits for 2 s is not sent. */
  async overload(lab) {
    await lab.startServers();
    await lab.stress('--rate 40 --duration 5 --clients 4').ended();
  },

  /** SIGINT while all servers are paused: requests are in flight, and others wait for a client. */
  async interrupted(lab) {
    await lab.startServers();
    const stress = lab.stress('--rate 25 --duration 30 --graceful-stop 1 --clients 8');
    await stress.says('Starting client');
    await wait(2500);
    const all = '--pattern simultaneous --count 3 --allow-total-outage';
    const faults = lab.faults(`--kind pause ${all} --restart-delay 2`);
    await wait(1500);
    stress.signal('SIGINT');
    await stress.ended();
    await faults;
  },

  /** SIGKILL in the middle: a run without an end, and without the clients' own files. */
  async killed(lab) {
    await lab.startServers();
    const stress = lab.stress('--clients 4 --requests 1000 --min-delay-ms 50 --max-delay-ms 250');
    await stress.says('Starting client');
    await wait(4000);
    stress.signal('SIGKILL');
    await stress.ended();
  },

  /** All servers are killed during the first think time: every request is refused. */
  async refused(lab) {
    await lab.startServers();
    const stress = lab.stress('--clients 4 --requests 5 --min-delay-ms 1500 --max-delay-ms 1600');
    await stress.says('Starting client 4/4');
    await lab.killServers();
    await stress.ended();
  },

  /** A whole run: three kills. */
  async run(lab) {
    const load = '--clients 3 --min-delay-ms 200 --max-delay-ms 400';
    const faults = '--first-fault 2 --interval 2 --restart-delay 1 --cycles 1';
    await lab.program(`run --seed ${SEED} --image-dir images --out run ${load} ${faults}`).ended();
    lab.resultFolder = path.join(lab.folder, 'run');
  },
};

/** The seconds after which a request has failed, where they are not 10. */
const TIMEOUT_SECS = { overload: 2, refused: 1 };
const SLOW_SERVER = '[processing]\nworkers = 1\ncompression = "fast"\n';

/** Three servers and their clients in one temporary folder. */
class Lab {
  servers = [];
  /** Every process that was started. */
  started = [];

  static async create(program, name) {
    const lab = new Lab();
    lab.command = program;
    lab.folder = await realpath(await mkdtemp(path.join(tmpdir(), `cloudp2p-golden-${name}-`)));
    lab.resultFolder = lab.folder;
    const ports = await freePorts(IDS.length);
    lab.addresses = ports.map((port) => `127.0.0.1:${port}`);
    for (const folder of ['config', 'images']) await mkdir(path.join(lab.folder, folder));
    const more = name === 'overload' ? SLOW_SERVER : '';
    for (const id of IDS) await writeFile(path.join(lab.folder, `config/server${id}.toml`), lab.serverToml(id) + more);
    const servers = `server_addresses = ${JSON.stringify(lab.addresses)}`;
    const client = `[client]\n${servers}\nimage_dir = "images"\nrequest_timeout_secs = ${TIMEOUT_SECS[name] ?? 10}\n`;
    await writeFile(path.join(lab.folder, 'config/client_stress.toml'), client);
    const sizes = name === 'overload' ? [600] : [2, 20];
    for (const kb of sizes) await writeFile(path.join(lab.folder, 'images', `${kb}kb.png`), noise(kb * 1024));
    return lab;
  }

  serverToml(id) {
    const peers = IDS.filter((peer) => peer !== id).map(
      (peer) => `{ id = ${peer}, address = "${this.addresses[peer - 1]}" }`,
    );
    return `[server]\nid = ${id}\naddress = "${this.addresses[id - 1]}"\n[peers]\npeers = [${peers.join(', ')}]\n`;
  }

  program(line) {
    const started = new Started(this.command, line.split(' '), this.folder);
    this.started.push(started);
    return started;
  }

  async startServers() {
    this.servers = IDS.map((id) => this.program(`server --config config/server${id}.toml`));
    const servers = this.addresses.map((address) => `--server ${address}`).join(' ');
    const status = await this.program(`status --wait 15 ${servers}`).ended();
    if (status !== 0) throw new Error(`the servers are not ready: status ended with ${status}`);
    // One sample of each.
    await wait(1000);
  }

  stress(flags) {
    return this.program(`stress --seed ${SEED} --image-dir images ${flags}`);
  }

  faults(flags) {
    return this.program(`faults --seed ${SEED} --cycles 1 --interval 1 ${flags}`).ended();
  }

  async killServers() {
    for (const server of this.servers) server.signal('SIGKILL');
    for (const server of this.servers) await server.ended();
  }

  /** Ends everything that was started, and the servers that `faults` restarted. */
  async stop() {
    for (const server of this.servers) {
      server.signal('SIGTERM');
      await server.ended();
    }
    for (const id of IDS) await this.stopRestarted(id);
    for (const each of this.started) {
      each.signal('SIGKILL');
      await each.ended();
    }
  }

  async stopRestarted(id) {
    const file = await readFile(path.join(this.folder, `server_${id}.pid`), 'utf8').catch(() => '');
    const pid = Number(/"pid":(\d+)/.exec(file)?.[1]);
    const isOurs = async () => (await readlink(`/proc/${pid}/cwd`).catch(() => '')) === this.folder;
    const endMs = Date.now() + 10_000;
    while (pid > 1 && (await isOurs())) {
      process.kill(pid, Date.now() > endMs ? 'SIGKILL' : 'SIGTERM');
      await wait(200);
    }
  }

  remove() {
    return rm(this.folder, { recursive: true, force: true });
  }
}

/** A process, and what it printed. */
class Started {
  output = '';

  constructor(command, args, cwd) {
    this.name = args[0];
    this.child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (data) => (this.output += data));
    }
    const timer = setTimeout(() => this.child.kill('SIGKILL'), MAX_MS);
    this.end = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => {
        clearTimeout(timer);
        resolve(code ?? signal);
      });
    });
  }

  signal(name) {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(name);
  }

  /** The exit code, or the signal. */
  ended() {
    return this.end;
  }

  async says(text) {
    const endMs = Date.now() + 15_000;
    while (!this.output.includes(text)) {
      if (Date.now() > endMs) throw new Error(`${this.name} does not say "${text}":\n${this.output}`);
      await wait(5);
    }
  }
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  for (const server of servers) await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ports = servers.map((server) => server.address().port);
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}

/** The same bytes each time; what is hidden need not be an image. */
function noise(bytes) {
  let state = Number(SEED);
  return Buffer.alloc(bytes).map(() => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24);
}

/** Returns a function that puts neutral names in place of the host, paths, users and process ids of this machine. */
function neutralizer(lab) {
  const pids = new Map();
  const pidOf = (pid) => pids.get(pid) ?? pids.set(pid, 1001 + pids.size).get(pid);
  return (text) =>
    text
      .replaceAll(`${lab.folder}/`, '')
      .replaceAll(lab.folder, '.')
      .replaceAll(lab.command, 'cloudp2p')
      .replace(word(hostname()), 'lab')
      .replace(/("boot_id": ?")[^"]*/g, '$100000000-0000-4000-8000-000000000000')
      .replace(/("pid": ?|\bPID )(\d+)/g, (_, before, pid) => `${before}${pidOf(pid)}`);
}

function word(text) {
  return new RegExp(`(?<![\\w.-])${text.replace(/[^\w-]/g, '\\$&')}(?![\\w-])`, 'g');
}

/** @throws if a text still names this machine */
function checkNeutral(name, text) {
  const places = [tmpdir(), homedir(), root, process.cwd()].map((place) => path.resolve(place));
  const found = [
    ...[hostname(), ...places].flatMap((each) => word(each).exec(text) ?? []),
    ...(/(?<![\w.])\/(?:home|Users|root|work|tmp)\b[^"\s]*/.exec(text) ?? []),
  ];
  if (found.length > 0) throw new Error(`${name} names this machine: ${found[0]}`);
}

/** Copies the files of a run; returns them by their names. */
async function keep(lab, target) {
  const neutral = neutralizer(lab);
  const entries = await readdir(lab.resultFolder, { recursive: true });
  const files = new Map();
  for (const name of entries.filter((each) => KEPT.test(each) || REPORTS.includes(path.basename(each))).sort()) {
    const text = neutral(await readFile(path.join(lab.resultFolder, name), 'utf8'));
    const kept = REPORTS.includes(path.basename(name)) ? path.basename(name) : name;
    checkNeutral(name, text);
    files.set(kept, text);
  }
  await rm(target, { recursive: true, force: true });
  for (const [name, text] of files) {
    await mkdir(path.dirname(path.join(target, name)), { recursive: true });
    await writeFile(path.join(target, name), text);
  }
  return files;
}

/** Counts raw lines, without any code of the program. */
function expected(files) {
  const lines = {};
  const records = [];
  const executed = [];
  for (const [name, text] of files) {
    if (REPORTS.includes(name) || name === 'run.json') continue;
    // A file of one JSON object counts as one line.
    const parsed = name.endsWith('.json') ? [JSON.parse(text)] : parseLines(name, text);
    lines[name] = parsed.length;
    if (name.endsWith('_requests.ndjson')) records.push(...parsed);
    executed.push(...parsed.filter(({ event, outcome }) => event === 'executed' && outcome === 'answered'));
  }
  const failures = records.filter(({ outcome }) => outcome === 'failure');
  return {
    files: [...files.keys()].sort(),
    lines,
    records: records.length,
    outcomes: countBy(records, 'outcome'),
    successes: records.filter(({ success }) => success).length,
    failures: failures.length,
    failure_reasons: countBy(failures, 'failure_reason'),
    executions: executed.length,
  };
}

function parseLines(name, text) {
  if (!text.endsWith('\n')) throw new Error(`${name} has half a line: make this run again`);
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line));
}

function countBy(records, key) {
  const counts = {};
  for (const record of records) counts[record[key]] = (counts[record[key]] ?? 0) + 1;
  return counts;
}

async function make(program, name) {
  const lab = await Lab.create(program, name);
  try {
    await RUNS[name](lab);
    await lab.stop();
    // `run` wrote its own report.
    if (lab.resultFolder === lab.folder) await lab.program('report').ended();
    const target = path.join(here, name);
    const files = await keep(lab, target);
    const counts = expected(files);
    await writeFile(path.join(target, 'expected.json'), `${JSON.stringify(counts, null, 2)}\n`);
    const bytes = [...files.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    console.log(`${name}: ${files.size} files, ${bytes} bytes, ${JSON.stringify(counts.outcomes)}`);
    if (bytes > MAX_FOLDER_BYTES) throw new Error(`${name} is too large`);
  } catch (error) {
    console.error(lab.started.map((each) => `--- ${each.name}\n${each.output.slice(-3000)}`).join('\n'));
    throw error;
  } finally {
    await lab.stop();
    await lab.remove();
  }
}

const [program, ...names] = process.argv.slice(2);
if (program === undefined || names.some((name) => !(name in RUNS))) {
  console.error(`usage: node test/report/golden/make.mjs PROGRAM [${Object.keys(RUNS).join('|')}...]`);
  process.exit(2);
}
for (const name of names.length > 0 ? names : Object.keys(RUNS)) await make(path.resolve(program), name);

/** Reads the clients' own files, and compares them with the records. */
import path from 'node:path';
import { clientName, machineOfClient, machineOfFile } from '../../../core/metrics/run-file-names';
import { type ClientFile, parseClientFile } from '../client-file';
import { WrongCarriers } from '../../../core/metrics/wrong-carriers';
import { CappedList } from '../capped-list';
import { readWhole } from './file-lines';
import { type Inputs, partKeyOf } from '../inputs';
import type { RunChoice } from './read-requests';
import type { Parsed } from '../parse-line';
import type { ClientTaskFlags } from '../task-flags';

/** Remarks on the client files, by kind. */
interface Remarks {
  differences: CappedList;
  twice: CappedList;
  copies: CappedList;
  leftOut: CappedList;
  /** They name a run that the records of their machine do not have. */
  strange: CappedList;
}

/**
 * Counts a client with records from these, and only compares its file; counts a client without records from its file.
 * Returns the clients that have both.
 */
export function readClients(files: readonly string[], choice: RunChoice, inputs: Inputs): Set<ClientTaskFlags> {
  const remarks: Remarks = {
    differences: new CappedList(),
    twice: new CappedList(),
    copies: new CappedList(),
    leftOut: new CappedList(),
    strange: new CappedList(),
  };
  const seen = new Map<string, string>();
  const summarized = new Set<ClientTaskFlags>();
  const places = placesOfRecords(inputs);
  for (const file of files) {
    const client = readClient(file, inputs);
    if (client === null) continue;
    const recorded = recordsOf(client, inputs);
    if (recorded !== null) summarized.add(recorded);
    take(client, recorded, choice, inputs, remarks, seen, places);
  }
  for (const [name, [first, ...others]] of places) {
    if (others.length > 0) remarks.twice.add(`${name} is in ${[first, ...others].join(' and ')}`);
  }
  inputs.notes.push(
    ...remarks.differences.lines(),
    ...headed(remarks.twice, 'The same client in several files, all counted (is the machine id unique?)'),
    ...headed(remarks.copies, 'Copies of files that are already counted'),
    ...headed(remarks.leftOut, 'Files of runs that are not selected'),
    ...headed(remarks.strange, 'Files of a run that has no records, beside records of their machine: not counted'),
  );
  return summarized;
}

function readClient(file: string, inputs: Inputs): ClientFile | null {
  const read = readWhole(file);
  const parsed = 'problem' in read ? read : named(file, parseClientFile(file, read.text));
  const problems = 'problem' in parsed ? [parsed.problem] : [];
  inputs.files.push({ path: file, kind: 'client', lines: 1, badLines: problems.length, problems });
  if ('problem' in read) inputs.missing.push(`${file}: ${read.problem}`);
  if ('problem' in parsed) return null;
  inputs.clientFileCount += 1;
  return parsed.ok;
}

/**
 * A damaged name would count its requests once more, as those of a client without records. Who has chosen the name of a
 * client has chosen that of its file as well.
 */
function named(file: string, parsed: Parsed<ClientFile>): Parsed<ClientFile> {
  if ('problem' in parsed) return parsed;
  const [, machineId, clientId] = /machine_(\d+)_client_(\d+)\.json$/.exec(file)!;
  const expected = clientName(Number(machineId), Number(clientId));
  const isNumbered = Number.isFinite(machineOfClient(parsed.ok.name));
  if (parsed.ok.name === expected || !isNumbered) return parsed;
  return { problem: `"client_name" is ${JSON.stringify(parsed.ok.name)}, expected "${expected}" by the file's name` };
}

function take(
  client: ClientFile,
  recorded: ClientTaskFlags | null,
  choice: RunChoice,
  inputs: Inputs,
  remarks: Remarks,
  seen: Map<string, string>,
  places: Map<string, string[]>,
): void {
  const { runId, name, durationSecs, successful, failed, avgMs } = client;
  // Without a run id, a file with the same figures counts as a copy.
  const key = JSON.stringify([runId, name, ...(runId === null ? [durationSecs, successful, failed, avgMs] : [])]);
  const before = seen.get(key);
  if (before !== undefined) return remarks.copies.add(`${client.path} is a copy of ${before}`);
  seen.set(key, client.path);
  if (recorded === null && isLeftOut(client, choice, inputs)) return remarks.leftOut.add(client.path);
  if (recorded === null && isOfUnknownRun(client, inputs)) {
    inputs.differingClients += 1;
    return remarks.strange.add(client.path);
  }
  const part = partKeyOf(runId, machineOfClient(name));
  const said = inputs.saidWrong.get(part) ?? new WrongCarriers();
  inputs.saidWrong.set(part, said);
  said.addAll(client.wrong);
  if (recorded !== null) return compare(client, recorded, inputs, remarks.differences);
  inputs.clients.push(client);
  places.set(client.name, [...(places.get(client.name) ?? []), client.path]);
}

/** Finds the records of this client: of the same run or, if the file has no run id, of the same folder. */
function recordsOf(client: ClientFile, { records, tasks }: Inputs): ClientTaskFlags | null {
  const folder = path.dirname(client.path);
  for (const run of records) {
    const isSame = client.runId === null ? run.folder === folder : run.runId === client.runId;
    const found = isSame ? tasks.find(run.runId, client.name) : undefined;
    if (found !== undefined) return found;
  }
  return null;
}

/** Returns true if the records of its machine, in the same folder, are of other runs only. */
function isOfUnknownRun({ path: file, runId, name }: ClientFile, { runs }: Inputs): boolean {
  const beside = runs.filter(
    (run) => path.dirname(run.file) === path.dirname(file) && machineOfFile(run.file) === machineOfClient(name),
  );
  return runId !== null && beside.length > 0 && !runs.some((run) => run.run_id === runId);
}

function isLeftOut({ runId }: ClientFile, choice: RunChoice, { runs }: Inputs): boolean {
  if (choice.take === 'id') return runId !== choice.runId;
  return runs.some((run) => run.run_id === runId) && !runs.some((run) => run.run_id === runId && run.taken);
}

function compare(client: ClientFile, tasks: ClientTaskFlags, inputs: Inputs, differences: CappedList): void {
  tasks.saidCount = client.successful + client.failed;
  tasks.wasInterrupted = client.wasInterrupted;
  const difference = tasks.sums.differenceFrom(client);
  if (difference === null) return;
  inputs.differingClients += 1;
  const { said, recorded } = difference;
  differences.add(`${client.path} says ${said}, but its records have ${recorded}: the records are used`);
}

/** Returns the records files that each client is in, by client name. */
function placesOfRecords({ records }: Inputs): Map<string, string[]> {
  const places = new Map<string, string[]>();
  for (const run of records) {
    for (const id of run.clients.keys()) {
      const name = clientName(run.machineId, id);
      const known = places.get(name) ?? [];
      // Several runs in one file are no conflict: the user asked for them.
      if (!known.includes(run.path)) places.set(name, [...known, run.path]);
    }
  }
  return places;
}

function headed(list: CappedList, head: string): string[] {
  return list.count === 0 ? [] : [`${head}: ${list.lines().join('; ')}`];
}

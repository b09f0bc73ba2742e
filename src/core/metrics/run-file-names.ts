/** The names of a load's clients, and of the files that the load of one machine writes. */

/** Returns the name of a client in records, events and logs. */
export function clientName(machineId: number, clientId: number): string {
  return `Machine_${machineId}_Client_${clientId}`;
}

/** Returns the machine in the name of a client; NaN if it has another form. */
export function machineOfClient(name: string): number {
  return Number(/^Machine_(\d{1,9})_Client_/.exec(name)?.[1]);
}

export function requestsFileName(machineId: number): string {
  return `machine_${machineId}_requests.ndjson`;
}

export function generatorFileName(machineId: number): string {
  return `machine_${machineId}_generator.ndjson`;
}

export function runFileName(machineId: number): string {
  return `machine_${machineId}_run.json`;
}

/** Returns the name of a client's metrics or log; `*` stands for all clients. */
export function clientFileName(machineId: number, clientId: number | '*', extension: 'json' | 'log' = 'json'): string {
  return `machine_${machineId}_client_${clientId}.${extension}`;
}

/** The shapes of these names, for readers; logs are not read. */
export const RUN_FILE_SHAPES = {
  recordFiles: /^machine_\d{1,9}_requests\.ndjson$/,
  clientFiles: /^machine_\d{1,9}_client_\d{1,9}\.json$/,
  generatorFiles: /^machine_\d{1,9}_generator\.ndjson$/,
  runFiles: /^machine_\d{1,9}_run\.json$/,
};

/** Returns the machine in the path of such a file. */
export function machineOfFile(file: string): number {
  return Number(/machine_(\d+)_[^/]*$/.exec(file)?.[1]);
}

/** Matches the names of all files of a machine's load, including unfinished ones of a killed process. */
export function filesOfMachine(machineId: number): RegExp {
  return new RegExp(
    `^(\\.?machine_${machineId}_(client_\\d+\\.(json|log)|run\\.json)(\\.[\\da-f.]+\\.tmp)?|machine_${machineId}_(requests|generator)\\.ndjson)$`,
  );
}

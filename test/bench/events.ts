/** The cost of an event of a server in its file: buffered for 100 ms, as before, beside written at once. */
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { RecordFile } from '../../src/files/record-file';
import { EventsFile } from '../../src/server/events-file';
import { printRow } from './table';

const ROUNDS = 30;
const EVENTS = 2000;

/** Alternates between both, so that other work on the machine affects them alike; the files lie below `folder`. */
export function run(folder: string): void {
  const at = mkdtempSync(path.join(folder, 'cloudp2p-events-'));
  const files = [100, 0].map((flushMs) => {
    const file = path.join(at, `${flushMs}.ndjson`);
    const onError = (error: Error): never => {
      throw error;
    };
    return { flushMs, lines: new RecordFile(file, { flushMs, what: '', onError }), micros: [] as number[] };
  });
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const { lines, micros } of files) {
        const events = new EventsFile(lines);
        const startMs = performance.now();
        for (let index = 0; index < EVENTS; index++) events.append(executed(round * 1e6 + index, index));
        lines.flush();
        micros.push(((performance.now() - startMs) * 1000) / EVENTS);
      }
    }
    for (const { flushMs, micros } of files) {
      printRow(`an event, ${flushMs === 0 ? 'written at once' : `buffered for ${flushMs} ms`}`, micros, 'µs');
    }
  } finally {
    for (const { lines } of files) lines.close();
    rmSync(at, { recursive: true });
  }
}

function executed(time: number, request_id: number) {
  const name = { run_id: '2fd0ac28-6b57-4b07-8d33-0a5a7a3f51aa', client_name: 'Machine_1_Client_1', request_id };
  const head = { time: 1_796_064_630_000 + time, server_id: 1, event: 'executed' as const };
  return { ...head, ...name, outcome: 'answered', incarnation: '0123456789abcdef' };
}

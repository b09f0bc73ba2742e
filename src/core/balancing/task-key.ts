/** Converts the name of a task to a key for maps and sets, and back. */
import type { TaskName } from '../protocol';

/**
 * Returns one unambiguous string per task, whatever its names contain. `fallbackRunId` is for clients of the original,
 * which send no run id: their address without the port, because they open a new connection for every exchange.
 */
export function taskKey(name: TaskName, fallbackRunId = ''): string {
  const runId = name.run_id ?? fallbackRunId;
  return `${name.request_id} ${runId.length} ${runId}${name.client_name}`;
}

/** The inverse of `taskKey`. */
export function taskName(key: string): Required<TaskName> {
  const idEnd = key.indexOf(' ');
  const namesAt = key.indexOf(' ', idEnd + 1) + 1;
  const clientAt = namesAt + Number(key.slice(idEnd + 1, namesAt));
  return {
    run_id: key.slice(namesAt, clientAt),
    client_name: key.slice(clientAt),
    request_id: Number(key.slice(0, idEnd)),
  };
}

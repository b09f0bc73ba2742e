import type { TaskName } from '../protocol';

/**
 * One string per task. `fallbackRunId` stands in for clients of the original, which send no run id:
 * their address without the port, because they open a new connection for every exchange.
 */
export function taskKey(name: TaskName, fallbackRunId = ''): string {
  return `${name.run_id ?? fallbackRunId}\n${name.client_name}\n${name.request_id}`;
}

/** The inverse of `taskKey`. */
export function taskName(key: string): Required<TaskName> {
  const first = key.indexOf('\n');
  const last = key.lastIndexOf('\n');
  return {
    run_id: key.slice(0, first),
    client_name: key.slice(first + 1, last),
    request_id: Number(key.slice(last + 1)),
  };
}

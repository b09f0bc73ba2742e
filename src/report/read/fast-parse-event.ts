/** Parses lines of server_{id}_events.ndjson straight from the bytes, if they are of the two most frequent kinds. */
import type { ServerEvent } from '../../core/metrics/record';
import { MAX_UNIX_MS } from './parse-line';
import { literalOf, LineCursor } from './fast-parse-line';

/** Size of the string cache, mainly for client names of all machines. */
const TEXTS = 16_384;

const KEYS = {
  time: literalOf('{"time":'),
  serverId: literalOf(',"server_id":'),
  assigned: literalOf(',"event":"assigned"'),
  executed: literalOf(',"event":"executed"'),
  term: literalOf(',"term":'),
  to: literalOf(',"to":'),
  runId: literalOf(',"run_id":'),
  clientName: literalOf(',"client_name":'),
  requestId: literalOf(',"request_id":'),
  outcome: literalOf(',"outcome":'),
  incarnation: literalOf(',"incarnation":'),
  end: literalOf('}'),
};

type Assigned = Required<Extract<ServerEvent, { event: 'assigned' }>>;
type Executed = Required<Extract<ServerEvent, { event: 'executed' }>>;

/**
 * Accepts the two kinds of lines that occur once for each request, in the form that servers write; see
 * `FastRecordParser`. All other lines are left to `parseEvent`.
 */
export class FastEventParser {
  private readonly assigned: Assigned = {
    time: 0.5,
    server_id: 0,
    event: 'assigned' as const,
    term: 0,
    to: 0,
    run_id: '',
    client_name: '',
    request_id: 0,
  };
  private readonly executed: Executed = {
    time: 0.5,
    server_id: 0,
    event: 'executed' as const,
    run_id: '',
    client_name: '',
    request_id: 0,
    outcome: '',
    incarnation: '',
  };
  private readonly line = new LineCursor(TEXTS);
  /** The last line parsed; one reused object for each kind. */
  record: ServerEvent = this.executed;

  /**
   * Sets `record` to the line that starts at `from` and returns the index of its end (\n), or -1 if the line must be
   * parsed. There must be a \n somewhere after `from`.
   */
  parse(bytes: Buffer, from: number): number {
    const line = this.line;
    line.begin(bytes, from);
    const time = line.number(KEYS.time, MAX_UNIX_MS);
    const serverId = line.count(KEYS.serverId);
    if (line.has(KEYS.assigned)) {
      const record = (this.record = this.assigned);
      record.time = time;
      record.server_id = serverId;
      record.term = line.count(KEYS.term);
      record.to = line.count(KEYS.to);
      this.task(record);
    } else if (line.has(KEYS.executed)) {
      const record = (this.record = this.executed);
      record.time = time;
      record.server_id = serverId;
      this.task(record);
      record.outcome = line.text(KEYS.outcome);
      record.incarnation = line.text(KEYS.incarnation);
    } else return -1;
    line.literal(KEYS.end);
    return line.end();
  }

  private task(record: Assigned | Executed): void {
    const line = this.line;
    record.run_id = line.text(KEYS.runId);
    record.client_name = line.text(KEYS.clientName);
    record.request_id = line.count(KEYS.requestId);
  }
}

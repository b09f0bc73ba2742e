/**
 * The messages on the wire (docs/protocol.md), externally tagged: `{"Heartbeat":{…}}`. The bulk fields
 * `secret_image_data` and `encrypted_image_data` never appear in these types: they are the frame's body.
 */

/** A server's phase: only `ready` servers get tasks, only `leaving` ones are excluded from elections. */
export type ServerPhase = 'starting' | 'ready' | 'leaving';

/** The name of a task. Clients of the original send no `run_id`; the server then fills in their address. */
export interface TaskName {
  run_id?: string;
  client_name: string;
  request_id: number;
}

/** A leadership as reported to others; `leader_id` is null while the sender follows no leader. */
export interface LeadershipFields {
  term: number;
  leader_id: number | null;
}

export interface MessageFields {
  /** The first message on every link that a server dials to a peer. */
  Subscribe: { from_id: number };
  /** `priority`: the load score of this candidacy, lower is better; -1 for a sitting leader. */
  Election: { from_id: number; priority: number; term: number; incarnation: string };
  /** A better candidate objects. */
  Alive: { from_id: number; term: number };
  /** A worse candidate gives way, which lets an election end before its timeout. */
  Yield: { from_id: number; term: number };
  Coordinator: { leader_id: number; term: number };
  Heartbeat: LeadershipFields & {
    from_id: number;
    /** Unix seconds at the sender; informational, never compared with a local time. */
    timestamp: number;
    /** Load score 0 to 100. */
    load: number;
    incarnation: string;
    /** Number of tasks that the sender executes at once. */
    workers: number;
    phase: ServerPhase;
    /** The peers that the sender hears: a link counts only if both ends hear each other. */
    hears: number[];
    /** The time from the end of one task to the next while the sender has work, in milliseconds; 0: not known. */
    task_ms?: number;
  };
  /** The sender stops after its running tasks; do not elect it or assign to it. */
  Leave: { from_id: number; term: number };
  /** "Who leads, and did you just hear from it?" Does not change the state of the server that is asked. */
  LeaderCheck: { check_id: number; hops_left: number };
  LeaderCheckResponse: LeadershipFields & { check_id: number; lives: boolean };

  LeaderQuery: object;
  LeaderResponse: LeadershipFields & { leader_address: string | null };
  /**
   * `relay`: set between servers only; with `hops_left` 0 it must not be relayed again. `timeout_ms`: time left until
   * the client's deadline; whoever sends it understands `retry_after_ms`. `secret_bytes`: the size of what it will send.
   * `waiting_ms`: the time since the client's last success, or since the first request after that.
   */
  TaskAssignmentRequest: TaskName & {
    excluded_server_ids?: number[];
    relay?: { id: number; hops_left: number };
    timeout_ms?: number;
    secret_bytes?: number;
    waiting_ms?: number;
  };
  /**
   * `leader_id` null: there was no leader, the responding server proposes itself. `relay_id` echoes `relay.id`.
   * `retry_after_ms`, with no server: all have enough to do, ask again after this time.
   */
  TaskAssignmentResponse: LeadershipFields & {
    request_id: number;
    assigned_server_id: number | null;
    assigned_server_address: string | null;
    relay_id?: number;
    retry_after_ms?: number;
  };
  /** Body: the secret. `timeout_ms`: time left until the client's deadline. */
  TaskRequest: TaskName & { assigned_by_leader: number; timeout_ms?: number };
  /** Body: the carrier (PNG), empty unless `success`. `error_code` distinguishes a full server from a bad task. */
  TaskResponse: {
    request_id: number;
    success: boolean;
    error_message: string | null;
    error_code?: string;
    /** With `overloaded`: the time after which to try again. */
    retry_after_ms?: number;
    /**
     * The responding server: a client that chose the server itself learns its id. Not in the plain form of the
     * original.
     */
    server_id?: number;
  };
  TaskAck: TaskName;
  TaskStatusQuery: TaskName;
  TaskStatusResponse: {
    request_id: number;
    assigned_server_id: number | null;
    assigned_server_address: string | null;
  };
  TaskCancel: TaskName;

  HistoryAdd: TaskName & { assigned_server_id: number; timestamp: number };
  HistoryRemove: TaskName;
  /** Entries: [client_name, request_id, server_id, timestamp]; `run_ids` is parallel to them. */
  HistorySyncResponse: {
    from_server_id: number;
    history_entries: [string, number, number, number][];
    run_ids?: string[];
  };

  StatusQuery: object;
  StatusResponse: StatusFields;
  Error: { code: string; message: string };
}

/** The status that a server reports to `cloudp2p status`. */
export interface StatusFields extends LeadershipFields {
  server_id: number;
  address: string;
  phase: ServerPhase;
  incarnation: string;
  version: string;
  uptime_secs: number;
  load: number;
  workers: number;
  active: number;
  queued: number;
  tasks_done: number;
  /** Outstanding tasks by server id, as this server would count them. */
  outstanding: Record<string, number>;
  /** Peers by id; `up`: heard on a live link. */
  peers: { id: number; address: string; up: boolean }[];
}

export type MessageKind = keyof MessageFields;

/** The union of `{ kind, …fields }` that the program works with. */
export type Message = { [K in MessageKind]: { kind: K } & MessageFields[K] }[MessageKind];

export type MessageOf<K extends MessageKind> = { [P in K]: { kind: P } & MessageFields[P] }[K];

/** The field that travels as the body, for the two kinds that have one. */
export const BULK_FIELD: Partial<Record<MessageKind, string>> = {
  TaskRequest: 'secret_image_data',
  TaskResponse: 'encrypted_image_data',
};

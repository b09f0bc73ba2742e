/** The limits of a frame, and their defaults for listeners, dialers and clients (docs/protocol.md). */
export interface FrameLimits {
  /** Limit of the 4-byte length. */
  maxFrameBytes: number;
  /**
   * Limit of a plain frame (other than a TaskRequest), of an envelope's header, and of a TaskRequest without its
   * secret.
   */
  maxJsonBytes: number;
  /** Limit of the secret in a plain TaskRequest. An envelope's is reported to the handler, which decides. */
  maxSecretBytes: number;
  maxDepth: number;
  /** Also limits a plain TaskRequest to `maxJsonBytes`; for programs that take no tasks. */
  refusesLargeRequests?: boolean;
  /** Also allows a plain TaskResponse above `maxJsonBytes`; for clients that speak the original's form. */
  acceptsLargeResponses?: boolean;
}

const MIB = 1024 * 1024;

export const ACCEPTED_LIMITS: FrameLimits = {
  maxFrameBytes: 64 * MIB,
  maxJsonBytes: 64 * 1024,
  maxSecretBytes: 7 * MIB,
  maxDepth: 16,
};

/** For links that we dialed: a peer's history is one message. */
export const DIALED_LIMITS: FrameLimits = { ...ACCEPTED_LIMITS, maxJsonBytes: MIB };

/** For a client's links, where responses are short; but a carrier's size follows from the secret that was sent. */
export const CLIENT_LIMITS: FrameLimits = {
  ...ACCEPTED_LIMITS,
  maxFrameBytes: ACCEPTED_LIMITS.maxJsonBytes,
  refusesLargeRequests: true,
};

/** What a frame may cost; the listener's and the dialer's defaults (docs/protocol.md). */
export interface FrameLimits {
  /** The 4-byte length. */
  maxFrameBytes: number;
  /** A plain frame (but a TaskRequest), an envelope's header, or what a TaskRequest has besides its secret. */
  maxJsonBytes: number;
  /** The secret of a plain TaskRequest. An envelope's is told to the handler, who judges it. */
  maxSecretBytes: number;
  maxDepth: number;
  /** Whether a plain TaskRequest may be no larger than `maxJsonBytes` either; for those who take no tasks. */
  refusesLargeRequests?: boolean;
  /** Whether a plain TaskResponse may be larger than `maxJsonBytes` too; for clients that speak the original's form. */
  acceptsLargeResponses?: boolean;
}

const MIB = 1024 * 1024;

export const ACCEPTED_LIMITS: FrameLimits = {
  maxFrameBytes: 64 * MIB,
  maxJsonBytes: 64 * 1024,
  maxSecretBytes: 7 * MIB,
  maxDepth: 16,
};

/** On links that we dialed: a peer's history is one message. */
export const DIALED_LIMITS: FrameLimits = { ...ACCEPTED_LIMITS, maxJsonBytes: MIB };

/** On a client's links, where answers are short; but a carrier is as large as the secret that was sent makes it. */
export const CLIENT_LIMITS: FrameLimits = {
  ...ACCEPTED_LIMITS,
  maxFrameBytes: ACCEPTED_LIMITS.maxJsonBytes,
  refusesLargeRequests: true,
};

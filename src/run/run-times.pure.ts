/** Timeouts and waits shared by local runs and runs over SSH, in milliseconds. */

/** The clients' timeout for one request; also written to their configuration files on other machines. */
export const REQUEST_TIMEOUT_MS = 10_000;
/** Servers write a sample every second: after this wait each of them has recorded an empty ledger (S7). */
export const SETTLE_MS = 2600;

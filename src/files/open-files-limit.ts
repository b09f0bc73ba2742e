/** The limit on open files and sockets of this process, and the advice to raise it. */

/**
 * Returns the limit on open files and sockets of this process: Node raises its soft limit to the hard one at its start.
 * Infinity means no limit.
 */
export function openFilesLimit(): number {
  // Newer than Node's types; without this option the report may look up the host names of open connections.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const limit = Number(report.userLimits?.open_files?.soft);
  return Number.isNaN(limit) ? Infinity : limit;
}

/** Returns the advice to raise the limit, as the end of a sentence. */
export function raiseTo(count: number): string {
  const roundCount = 2 ** Math.ceil(Math.log2(count));
  return (
    `raise the limit (ulimit -n ${roundCount}; where that is not permitted, "nofile" in ` +
    `/etc/security/limits.conf, or LimitNOFILE= of a systemd unit)`
  );
}

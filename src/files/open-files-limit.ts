/**
 * How many files, sockets among them, this very process may have open: Node raises its soft limit to the hard one when it
 * starts. Infinity: no limit.
 */
export function openFilesLimit(): number {
  // Newer than its types; without it names of open connections may be looked up.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const limit = Number(report.userLimits?.open_files?.soft);
  return Number.isNaN(limit) ? Infinity : limit;
}

/** How to have at least so many, as the end of a sentence. */
export function raiseTo(count: number): string {
  const roundCount = 2 ** Math.ceil(Math.log2(count));
  return (
    `raise the limit (ulimit -n ${roundCount}; where that is not permitted, "nofile" in ` +
    `/etc/security/limits.conf, or LimitNOFILE= of a systemd unit)`
  );
}

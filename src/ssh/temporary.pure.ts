/** The suffix of files that are being written on other machines. */

/** Leftovers of a killed program may be removed. */
export const TEMPORARY_END = '.cloudp2p.tmp';

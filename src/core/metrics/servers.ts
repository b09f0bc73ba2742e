/** Limits the servers that are counted each: servers report their own ids, as they word their own reasons. */
export const MAX_SERVERS = 100;
/** Stands for all further servers, and for those whose id is unknown; no server has this id. */
export const OTHER_SERVERS: number = 0;

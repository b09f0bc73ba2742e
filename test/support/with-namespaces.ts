import { WHY_NO_NAMESPACES } from './namespaces';

/** For tests that need namespaces; without them they are skipped, with a message. */
export const describeWithNamespaces = WHY_NO_NAMESPACES === null ? describe : describe.skip;
if (WHY_NO_NAMESPACES !== null) process.stderr.write(`tests on several hosts are skipped: ${WHY_NO_NAMESPACES}\n`);

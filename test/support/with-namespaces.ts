import { WHY_NO_NAMESPACES } from './namespaces';

/** Tests that need namespaces; where there can be none they are skipped, and say so. */
export const describeWithNamespaces = WHY_NO_NAMESPACES === null ? describe : describe.skip;
if (WHY_NO_NAMESPACES !== null) process.stderr.write(`tests on several hosts are skipped: ${WHY_NO_NAMESPACES}\n`);

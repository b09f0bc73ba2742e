/** Number of clients' files written concurrently: each waits for the disk, and holds a digest meanwhile. */
const LANES = 8;

/** Does the work for all items, a few at a time. */
export async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const lane = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

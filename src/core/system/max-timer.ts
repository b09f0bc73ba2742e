/** The limit of timers. */

/** The longest delay of a timer; longer waits are split. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

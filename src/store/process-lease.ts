/** How long a process that was killed counts as open, in milliseconds. */
export const lease: number = 5 * 60_000

/**
 * Where a service cannot refuse to replace an object, several may write the first marker at once. After so many milliseconds
 * all of them have, and the last one counts.
 */
export const markerSettles = 1000

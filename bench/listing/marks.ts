/** Files that do not exist. Looking for one shows where in a trace the watched uploads begin, or end. */
export const begin = '/listing-begins-here'
export const end = '/listing-ends-here'

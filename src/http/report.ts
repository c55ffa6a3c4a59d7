import type { BlobServingOptions } from './options.ts'

/** Tells the host of an error. A hook that throws must not cost the client its answer. */
export function report(options: BlobServingOptions, error: unknown, method: string): void {
  try {
    options.onError?.(error, { method })
    options.logger?.error({ err: error, method }, 'A blob request failed')
  } catch {
    // Nobody is left to be told.
  }
}

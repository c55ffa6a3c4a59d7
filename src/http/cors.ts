import type { BlobServingOptions } from './options.ts'
import type { Route } from './routes.ts'

/** Whether pages of other origins may call the method. */
export function corsAllowed(route: Route, options: BlobServingOptions): boolean {
  const cors = options.cors ?? 'public'
  return cors === 'all' || (cors === 'public' && route.public)
}

/** Any origin, hence never with its cookies: tokens are in a header that the page itself sets. */
export const corsHeaders: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': '*',
}

export function preflightHeaders(route: Route): Record<string, string> {
  return {
    'access-control-allow-methods': route.methods.join(', '),
    // The wildcard covers every header but this one.
    'access-control-allow-headers': '*, authorization',
    'access-control-max-age': '86400',
  }
}

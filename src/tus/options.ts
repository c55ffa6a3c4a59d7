import type { BlobStore } from '../blob-store.ts'
import type { BlobRouterOptions } from '../http/node/request.ts'
import { checkOptions } from '../http/options.ts'
import { assertOptions, invalidArgument } from '../options.ts'

export interface TusRouterOptions extends Pick<BlobRouterOptions, 'authenticate' | 'onError' | 'logger'> {
  /** The path at which uploads begin, such as `/upload`; each has its own address below it. */
  path: string

  /**
   * Whether pages of other origins may upload, without cookies: `all` of them, or `none` of them (the host does it).
   * @default 'all'
   */
  cors?: 'all' | 'none' | undefined
}

/** @throws `InvalidArgument` for an invalid option */
export function checkTusOptions(options: TusRouterOptions, blobs: BlobStore): void {
  const what = 'tusRouter'
  assertOptions(what, options, ['path', 'authenticate', 'cors', 'onError', 'logger'])
  const { path, ...others } = options
  if (typeof path !== 'string' || !/^(?:\/[\w.~-]+)+$/.test(path)) {
    throw invalidArgument(what, 'path is missing, the path at which uploads begin, such as "/upload"')
  }
  checkOptions(what, others, blobs)
  if ((options.cors as string | undefined) === 'public') throw invalidArgument(what, 'cors is "all" or "none"')
}

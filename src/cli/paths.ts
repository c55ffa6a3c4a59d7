import { statSync } from 'node:fs'
import { UsageError } from './command.ts'

/** A wrong path must not create an empty store there. @throws `UsageError` */
export function assertThere(flag: string, path: string, kind: 'file' | 'folder', advice = ''): void {
  const found = statSync(path, { throwIfNoEntry: false })
  const isRight = kind === 'file' ? found?.isFile() : found?.isDirectory()
  if (isRight) return
  const what = found ? `it is not a ${kind}` : `there is no such ${kind}`
  throw new UsageError(`${flag} ${path}: ${what}${advice && `. ${advice}`}`)
}

/** @throws `UsageError` */
export function bucketOf(flag: string, url: string): { bucket: string; prefix: string } {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(url) ?? []
  if (bucket !== undefined) return { bucket, prefix }
  throw new UsageError(`${flag} ${url}: expected s3://bucket or s3://bucket/prefix`)
}

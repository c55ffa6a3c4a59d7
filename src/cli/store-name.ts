import { resolve } from 'node:path'
import type { BlobStore } from '../blob-store.ts'
import { printable } from '../printable.ts'
import type { Place } from './place.ts'

/** Describes a store: its bytes and its metadata, without passwords. */
export function storeName(given: Place, { place }: Pick<BlobStore, 'place'>): string {
  if (given.config !== undefined) {
    const bytes = Object.entries(place.backends).map(([name, where]) => where ?? `the backend ${name}`)
    const metadata = place.metadata ?? 'a database of its own'
    return said(`bytes in ${bytes.join(' and ')}, metadata in ${metadata}, as ${resolve(given.config)} says`)
  }
  const bytes = []
  if (given.disk !== undefined) bytes.push(resolve(given.disk))
  if (given.s3 !== undefined) bytes.push(bucketName(given.s3, given.s3Endpoint))
  const metadata = given.sqlite === undefined ? databaseName(given.postgres ?? '') : resolve(given.sqlite)
  return said(`bytes in ${bytes.join(' and ')}, metadata in ${metadata}`)
}

const said = (text: string): string => printable(text, 2000)

function bucketName(url: string, endpoint: string | undefined): string {
  if (endpoint === undefined) return url
  return `${url} at ${URL.canParse(endpoint) ? new URL(endpoint).host : 'its endpoint'}`
}

/** User, host and database: not the password, and no parameters, which may contain another. */
function databaseName(url: string): string {
  if (!URL.canParse(url)) return 'a PostgreSQL database'
  const { protocol, username, host, pathname } = new URL(url)
  return `${protocol}//${username && `${username}@`}${host}${pathname}`
}

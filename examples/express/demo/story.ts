import type { BlobRef } from '@atproto/api'
import type { Pds } from '../pds.ts'
import type { Media } from './media.ts'
import type { Person } from './people.ts'
import type { Report } from './report.ts'

/** What the chapters of the demo share. */
export interface Story {
  pds: Pds
  /** The PDS's own folder of blobs, for checks from outside. */
  blobs: string
  adminPassword: string
  alice: Person
  bob: Person
  report: Report
  uploads: Upload[]
}

export interface Upload {
  owner: Person
  media: Media
  ref: BlobRef
  cid: string
  /** The URI of the post that shows it. */
  post?: string
}

export function uploadOf({ uploads }: Story, media: Media): Upload {
  const upload = uploads.find((candidate) => candidate.media === media)
  if (upload === undefined) throw new Error(`${media.name} has not been uploaded yet`)
  return upload
}

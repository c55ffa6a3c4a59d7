import type { BlobStoreError, BlobStoreErrorCode } from '../errors.ts'

/** What to do at the command line: the messages themselves speak to the host's developer. */
const advice: Partial<Record<BlobStoreErrorCode, string>> = {
  MetadataFailed: 'Is --sqlite or --postgres the database of the host, and can it be reached from here?',
  MetadataOutdated:
    'Is it the right database? If so, start the host once with this version: the command line changes no tables.',
  StorageFailed: 'Can the bytes be reached from here, by the user that runs this, with these credentials?',
  StoreMismatch: 'Give what the host has, all its backends and its database, or its --config.',
  StoreRestored:
    'Stop every process of the host, then run pds-blobstore recover: its --help says what it does. Nothing is deleted until then.',
}

/** A line, or nothing. */
export function adviceOn({ code, transient }: BlobStoreError): string {
  return advice[code] ?? (transient ? 'It may succeed when it is tried again.' : '')
}

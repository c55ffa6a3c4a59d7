import { BlobStoreError, type BlobStoreErrorCode } from '../../errors.ts'
import { errnoOf, Refusal } from './system-calls.ts'

interface Meaning {
  code?: BlobStoreErrorCode
  transient?: boolean
  text: string
}

// Space does come back, but not within the seconds for which a retry waits: full is not transient.
const meanings: Record<string, Meaning> = {
  ENOSPC: { code: 'StorageFull', text: 'the device has no space or no inodes left; free some, or use a larger one' },
  EDQUOT: { code: 'StorageFull', text: 'the quota on the device is used up; free space, or raise it' },
  EFBIG: { code: 'StorageFull', text: 'the file system or `ulimit -f` allows no file of that size' },
  EMFILE: { transient: true, text: 'the process has too many files open; raise its limit (`ulimit -n`)' },
  ENFILE: { transient: true, text: 'the machine has too many files open; raise its limit (`fs.file-max`)' },
  ENOMEM: { transient: true, text: 'the kernel has no memory left' },
  EAGAIN: { transient: true, text: 'the kernel has no resources for it at the moment' },
  EBUSY: { transient: true, text: 'the file is in use' },
  EINTR: { transient: true, text: 'it was interrupted' },
  ETIMEDOUT: { transient: true, text: 'the device did not answer in time' },
  EIO: { text: 'the device failed; look into the system log and replace it' },
  EROFS: { text: 'the file system is read-only; look into the system log for why, and remount it' },
  EACCES: { text: 'permission denied; the directory must belong to the user who runs the process' },
  EPERM: { text: 'permission denied; the directory must belong to the user who runs the process' },
  ELOOP: { text: 'a symbolic link lies where only a file or directory of the store may; remove it' },
  ENOTDIR: { text: 'something else lies where a directory of the store should; remove it' },
  EEXIST: { text: 'something else lies where a directory of the store should; remove it' },
  ENOENT: { text: 'a file or directory of the store is gone; was it deleted, swept, or not mounted?' },
  EXDEV: { text: 'spool and blobs are on two devices; the root must be a single one' },
}

/** What was attempted, and with which blob. */
export interface Attempt {
  /** Completes "Cannot …": `store <key>`. */
  verb: string
  backend: string
  cid?: string | undefined
}

/** The library's error for a system call's. Others pass as they are, an abort's reason among them. */
export function fileError(error: unknown, { verb, backend, cid }: Attempt): unknown {
  const errno = errnoOf(error)
  if (errno === undefined) return error
  const { code = 'StorageFailed', transient = false, text } = meaningOf(error, errno)
  // The cause names the absolute path; the message, which may reach a client, does not.
  return new BlobStoreError(code, `Cannot ${verb}: ${text} (${errno})`, { backend, cid, transient, cause: error })
}

/** What this library refuses by itself is mostly a matter of what lies in the root. */
const refusals: Record<string, BlobStoreErrorCode> = { EOF: 'BlobDamaged', ENOSPC: 'StorageFull' }

function meaningOf(error: unknown, errno: string): Meaning {
  if (error instanceof Refusal) return { code: refusals[errno] ?? 'StorageFailed', text: error.message }
  return meanings[errno] ?? { text: 'the file system refused' }
}

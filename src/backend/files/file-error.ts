import { BlobStoreError, type BlobStoreErrorCode } from '../../errors.ts'
import { errnoOf, Refusal } from './system-calls.ts'

interface Meaning {
  code?: BlobStoreErrorCode
  transient?: boolean
  text: string
}

// Space may become free again, but not within the seconds for which a retry waits. So a full device is not transient.
const meanings: Record<string, Meaning> = {
  ENOSPC: { code: 'StorageFull', text: 'the device has no space or no inodes left; free some, or use a larger one' },
  EDQUOT: { code: 'StorageFull', text: 'the quota on the device is used up; free space, or raise it' },
  EFBIG: { code: 'StorageFull', text: 'the file system or `ulimit -f` does not allow a file of that size' },
  EMFILE: { transient: true, text: 'the process has too many files open; raise its limit (`ulimit -n`)' },
  ENFILE: { transient: true, text: 'the machine has too many files open; raise its limit (`fs.file-max`)' },
  ENOMEM: { transient: true, text: 'the kernel has no memory left' },
  EAGAIN: { transient: true, text: 'the kernel lacks resources for it at the moment' },
  EBUSY: { transient: true, text: 'the file is in use' },
  EINTR: { transient: true, text: 'the call was interrupted' },
  ETIMEDOUT: { transient: true, text: 'the device did not answer in time' },
  EIO: { text: 'the device failed; read the system log and replace the device' },
  EROFS: { text: 'the file system is read-only; read the system log for the cause, and remount it' },
  EACCES: { text: 'permission denied; the directory must belong to the user who runs the process' },
  EPERM: { text: 'permission denied; the directory must belong to the user who runs the process' },
  ELOOP: { text: 'a symbolic link is where the store needs a file or directory; move it elsewhere' },
  ENOTDIR: { text: 'something else is where the store needs a directory; move it elsewhere' },
  EEXIST: { text: 'something else is where the store needs a directory; move it elsewhere' },
  ENOENT: { text: 'a file or directory of the store is missing; was it deleted, swept, or not mounted?' },
  EXDEV: { text: 'spool and blobs are on two devices; the root must be on a single one' },
}

/** What was attempted, and on which blob. */
export interface Attempt {
  /** Completes "Cannot …": `store <key>`. */
  verb: string
  backend: string
  cid?: string | undefined
}

/** Turns the error of a system call into the library's. Others pass unchanged, among them an abort's reason. */
export function fileError(error: unknown, { verb, backend, cid }: Attempt): unknown {
  const errno = errnoOf(error)
  if (errno === undefined) return error
  const { code = 'StorageFailed', transient = false, text } = meaningOf(error, errno)
  // The cause contains the absolute path. The message does not, because it may reach a client.
  return new BlobStoreError(code, `Cannot ${verb}: ${text} (${errno})`, { backend, cid, transient, cause: error })
}

/** What the library itself refuses is mostly wrong content of the root. */
const refusals: Record<string, BlobStoreErrorCode> = { EOF: 'BlobDamaged', ENOSPC: 'StorageFull' }

function meaningOf(error: unknown, errno: string): Meaning {
  if (error instanceof Refusal) return { code: refusals[errno] ?? 'StorageFailed', text: error.message }
  return meanings[errno] ?? { text: 'the file system refused' }
}

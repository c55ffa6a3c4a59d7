import { mkdir } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { checkDirectory } from './directory.ts'
import { Refusal } from './system-calls.ts'

/** Of this user alone: whoever else could write there would choose what is stored. */
export function defaultSpoolDirectory(): string {
  return `${tmpdir()}/pds-blobstore-spool-${userInfo().uid}`
}

export async function openSpoolDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const { uid, mode } = await checkDirectory(path)
  const own = process.getuid?.()
  if (own === undefined) return
  if (uid !== own || (mode & 0o022) !== 0) {
    throw new Refusal(
      'EPERM',
      'others may write to the directory for spools; give one of the user’s own (spoolDirectory)',
    )
  }
}

import { once } from 'node:events'
import { resolve } from 'node:path'
import { BlobStoreError } from '../../errors.ts'
import { isError } from '../../shapes.ts'
import type { BackupProgress, BackupReport, BackupSteps } from '../contract/backup.ts'
import { metadataError } from '../sql-errors.ts'
import { writeBackup } from './backup-file.ts'
import { startThread, type ThreadSetting } from './thread.ts'

/** The thread's messages. */
export type CopyAnswer =
  | { kind: 'progress'; pages: number; of: number }
  | { kind: 'end'; failure: { message: string; code?: string } | null }

/** Copies an SQLite file that the store has open. In a thread, because each megabyte would block the event loop. */
export function sqliteBackup(setting: ThreadSetting): BackupSteps['backup'] {
  return async (path, { overwrite = false, signal, onProgress, complete }): Promise<BackupReport> => {
    signal?.throwIfAborted()
    const bytes = await writeBackup({ path: resolve(path), overwrite, source: setting.file }, async (part) => {
      await copy(setting, part, { signal, onProgress })
      signal?.throwIfAborted()
      await complete()
    })
    return { bytes }
  }
}

interface CopyOptions {
  signal: AbortSignal | undefined
  onProgress: ((progress: BackupProgress) => void) | undefined
}

/** @throws the signal's reason, what `onProgress` throws, or that the copy failed */
async function copy(setting: ThreadSetting, to: string, { signal, onProgress }: CopyOptions): Promise<void> {
  const thread = startedThread(setting)
  const exit = once(thread, 'exit') // also rejects with what the thread threw
  exit.catch(() => {})
  let outcome: { error?: unknown } | null = null
  const stop = () => thread.postMessage('stop')
  thread.ref() // the caller waits
  thread.on('message', (answer: CopyAnswer) => {
    if (answer.kind === 'end') {
      outcome ??= answer.failure === null ? {} : { error: copyError(answer.failure) }
      return
    }
    try {
      onProgress?.(answer)
    } catch (error) {
      outcome ??= { error }
      stop()
    }
  })
  signal?.addEventListener('abort', stop)
  thread.postMessage(to)
  if (signal?.aborted) stop() // before this listened
  try {
    await exit
  } catch (error) {
    outcome ??= { error: copyError(error as Error) }
  } finally {
    signal?.removeEventListener('abort', stop)
  }
  signal?.throwIfAborted()
  outcome ??= { error: copyError(new Error('the thread that copies has ended')) }
  if ('error' in outcome) throw (outcome as { error: unknown }).error
}

function startedThread(setting: ThreadSetting) {
  try {
    return startThread('backup', setting)
  } catch (cause) {
    throw new BlobStoreError(
      'MetadataFailed',
      `Cannot write the backup: its thread does not start: ${isError(cause) ? cause.message : cause}. The command line ` +
        'can write it: pds-blobstore backup',
      { cause },
    )
  }
}

function copyError({ message, code }: { message: string; code?: string }): unknown {
  if (code === 'SQLITE_FULL') {
    return new BlobStoreError('StorageFull', 'Cannot write the backup: its device is full; free some space')
  }
  return metadataError(Object.assign(new Error(`the backup: ${message}`), { code }))
}

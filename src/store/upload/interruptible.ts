import { setImmediate as turn } from 'node:timers/promises'
import { BlobStoreError, isBlobStoreError } from '../../errors.ts'
import { isUint8Array } from '../../shapes.ts'
import type { Interruption } from './interruption.ts'
import { type BlobSource, chunksOf } from './source.ts'

/**
 * The chunks of a body, until the interruption. A new promise each time instead of a race with one that lives as long
 * as the upload: that one would remember every chunk.
 */
export async function* interruptible(source: BlobSource, interruption: Interruption): AsyncGenerator<Uint8Array> {
  const { signal } = interruption
  const iterator = chunksOf(source)
  let interrupt: (reason: unknown) => void = () => {}
  const onAbort = (): void => interrupt(signal.reason)
  signal.addEventListener('abort', onAbort)
  let ended = false
  try {
    while (true) {
      signal.throwIfAborted()
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        interrupt = reject
        interruption.waiting()
        Promise.resolve(iterator.next()).then(resolve, reject)
      })
      if (next.done) {
        ended = true
        return
      }
      if (!isUint8Array(next.value)) throw notBytes(next.value)
      if (next.value.byteLength === 0) {
        // An empty chunk. A source that returns only these, without end, would keep the timers from running.
        await turn()
        continue
      }
      interruption.heard(next.value.byteLength)
      yield next.value
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (isBlobStoreError(error)) throw error
    ended = true
    throw new BlobStoreError('UploadInterrupted', 'The source of the upload failed before its end', { cause: error })
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Not awaited, because a source that hangs would hang here too.
    if (!ended) Promise.resolve(iterator.return?.()).catch(() => {})
  }
}

function notBytes(value: unknown): BlobStoreError {
  return new BlobStoreError(
    'InvalidArgument',
    `The source returned a ${typeof value} instead of a Uint8Array; a Node stream must have no encoding set`,
  )
}

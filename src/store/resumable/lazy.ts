import type { Lifecycle } from '../lifecycle.ts'
import { closeUnread, holdError } from '../upload/source.ts'
import type { ResumableUploads } from './resumable-uploads.ts'

/** Loads the code of resumable uploads when it is first needed: most hosts and tests never do. */
export function resumableUploads(run: Lifecycle['run']): ResumableUploads {
  const load = () => import('./operations.ts')
  return {
    create: (...given) => run('resumable.create', async (store) => (await load()).createResumable(store, ...given)),
    append(did, id, offset, body, options) {
      holdError(body)
      return run('resumable.append', async (store) => {
        const appending = (await load()).append(store, did, id, offset, body, options)
        appending.catch(() => closeUnread(body, store.times.idle))
        return await appending
      })
    },
    putPart(did, id, part, body, options) {
      holdError(body)
      return run('resumable.putPart', async (store) => {
        const putting = (await load()).putPart(store, did, id, part, body, options)
        putting.catch(() => closeUnread(body, store.times.idle))
        return await putting
      })
    },
    stat: (...given) => run('resumable.stat', async (store) => (await load()).statResumable(store, ...given)),
    finish: (...given) => run('resumable.finish', async (store) => (await load()).finish(store, ...given)),
    abort: (...given) => run('resumable.abort', async (store) => (await load()).abortResumable(store, ...given)),
  }
}

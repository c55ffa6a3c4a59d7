import type { MirrorSteps } from '../metadata/contract/mirror.ts'
import type { Mirror } from '../store/mirror/mirror.ts'
import type { OpenCopy } from './replace.ts'

export interface Copy {
  open: OpenCopy
  /** For one that turns out to be missing or damaged: then the content waits to be copied again. */
  forget?: () => Promise<void>
}

/** Each copy of a CID in the mirror, in the order of trust. */
export async function* mirroredCopies(
  mirror: Mirror,
  steps: MirrorSteps,
  cid: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Copy> {
  for (const { key } of await steps.mirroredCopies(cid, {})) {
    yield {
      async open() {
        const backend = await mirror.open({ signal })
        return (await backend.get(key, { signal }))?.body
      },
      async forget() {
        // Forgetting a copy dooms it: it must not be missing only because its disk is not mounted any more.
        await mirror.open({ renew: true, signal })
        await steps.forgetDamaged({ cid, key })
      },
    }
  }
}

import { createHash } from 'node:crypto'
import { openContender } from '../contenders/all.ts'
import { observe } from '../measure/observe.ts'

// read-stream.ts <contender> <folder> <did> <name>: reads one blob to its end, in a process that has done nothing else,
// so that its memory is that of reading.

/** The message to the parent. */
export interface StreamRead {
  sha256: string
  /** In ms. */
  elapsed: number
  memory: number
}

const [contender = '', folder = '', did = '', name = ''] = process.argv.slice(2)
const store = await openContender(contender, folder)
const hash = createHash('sha256')
const { elapsed, memory } = await observe(async () => {
  for await (const chunk of await store.stream(did, name)) hash.update(chunk)
})
await store.close()
process.send?.({ sha256: hash.digest('hex'), elapsed, memory } satisfies StreamRead)
process.disconnect?.()

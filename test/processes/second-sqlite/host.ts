import { once } from 'node:events'
import { isBlobStoreError } from '../../../src/index.ts'
import { alice, bytes, nextRev, uriOf } from '../../support/samples.ts'
import { type Intrusion, intrusions } from './intrusions.ts'
import { fileIn, type Owner, storeIn } from './place.ts'

// A host with a store, in which other code opens the store's file: node host.ts <folder> <owner> <intrusion> <busy>.
// Writes 100 records; then runs the intrusion; then continues, while other processes come and go, until it is told to
// end.

const [folder = '', owner = '', intrusion = '', busy = ''] = process.argv.slice(2)
const blobs = storeIn(folder, owner as Owner)
const acknowledged: { uri: string; cid: string }[] = []
let refused: string | null = null
let ended = false

async function write(): Promise<void> {
  const at = acknowledged.length
  try {
    const ref = await blobs.upload(alice, bytes(`blob ${at}`))
    const uri = uriOf(alice, `r${at}`)
    await blobs.applyWrites(alice, [{ action: 'create', uri, record: { ref } }], { rev: nextRev() })
    acknowledged.push({ uri, cid: String(ref.ref) })
  } catch (error) {
    refused = isBlobStoreError(error) ? error.code : String(error)
  }
}

async function writeMany(count: number): Promise<void> {
  for (let index = 0; index < count && refused === null; index++) await write()
}

const told = (word: string) =>
  new Promise<void>((resolve) => {
    const listen = (message: unknown) => {
      if (message !== word) return
      process.off('message', listen)
      resolve()
    }
    process.on('message', listen)
  })

const toldToEnd = told('end').then(() => {
  ended = true
})
const toldToGoOn = told('go on')
await writeMany(100)
const intrude = intrusions[intrusion as Intrusion]
if (busy === 'busy') {
  process.send?.('intruded')
  const intruding = (async () => {
    while (!ended && refused === null) {
      await intrude(fileIn(folder))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })()
  while (!ended && refused === null) await write()
  await intruding
} else {
  await intrude(fileIn(folder))
  process.send?.('intruded')
  await toldToGoOn
  await writeMany(50)
}
await toldToEnd
const again = await blobs.upload(alice, bytes('again')).then(
  () => null,
  (error) => error.code,
)
await blobs.close()
process.send?.({ acknowledged, refused, again })
await once(process, 'disconnect')

import { cidOfBytes } from '../../../src/index.ts'
import { alice, nextRev, uriOf } from '../../support/samples.ts'
import { bytesOf } from './blobs.ts'
import { type MovingPlace, storeAt } from './place.ts'

// A process on a store that moves: node child.ts <place as JSON> <disk|s3: what it writes to> <role> <number>. Messages
// tell it which blobs there are, and it sends which it has stored; it is killed at any time.

const [placeText = '', write = '', role = '', number = '0'] = process.argv.slice(2)
const place: MovingPlace = JSON.parse(placeText)
const blobs = storeAt(place, write as 'disk' | 's3')
const tell = (message: object) => process.send?.(message)
process.on('disconnect', () => process.exit())

if (role === 'move') await move()
else await serve(Number(number))

async function move(): Promise<void> {
  const report = await blobs.migrate()
  tell({ moved: report.moved, findings: report.findings.length, use: report.use[write === 's3' ? 'disk' : 's3'] })
  await blobs.collect()
  await blobs.close()
  process.disconnect?.()
}

/** Uploads blobs from this number on, and reads the existing ones in between. */
async function serve(first: number): Promise<void> {
  const known: number[] = []
  for (let next = first; ; next++) {
    const ref = await blobs.upload(alice, bytesOf(next))
    await blobs.applyWrites(alice, [{ action: 'update', uri: uriOf(alice, `n${next}`), record: { ref } }], {
      rev: nextRev(),
    })
    known.push(next)
    tell({ stored: next })
    for (let reads = 0; reads < 5; reads++) {
      const wanted =
        reads === 0
          ? (known[Math.floor(Math.random() * known.length)] ?? next)
          : Math.floor(Math.random() * place.count)
      const expected = bytesOf(wanted)
      const found = await (await blobs.read(alice, cidOfBytes(expected))).bytes()
      if (Buffer.compare(found, expected) !== 0) tell({ wrong: wanted })
      else tell({ read: wanted })
    }
  }
}

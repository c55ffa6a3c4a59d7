import { mkdirSync, symlinkSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBlobStore, DiskBackend, sqliteMetadata } from '../../../src/index.ts'
import { alice, bytes, chunks, post, unpost } from '../../support/samples.ts'
import { breakRule, isBrokenRule, metadataDurability } from './broken-rules.ts'

// The process that strace watches: does one of each, and prints on standard output when each begins and is
// acknowledged. Arguments: a folder, and optionally a rule to break.

const [folder, rule] = process.argv.slice(2)
const broken = isBrokenRule(rule) ? rule : null
breakRule(broken)

const say = (line: string): void => void writeSync(1, `${line}\n`)

// As in a container: the parent folder is a link to a volume.
mkdirSync(`${folder}/volume`)
symlinkSync('volume', `${folder}/link`)

const blobs = createBlobStore({
  janitor: false,
  backend: new DiskBackend({ root: `${folder}/link/data/root`, minFree: { bytes: 0, inodes: 0 } }),
  metadata: sqliteMetadata(`${folder}/blobs.sqlite`, { durability: metadataDurability(broken) }),
  limits: { accept: ['*/*'] },
  times: { grace: 0, deleteDelay: 0 },
})
say('begin open')
await blobs.ready()
say('end open')

say('begin small')
const small = await blobs.upload(alice, bytes('small'))
say(`end small ${small.ref}`)

say('begin spooled')
const spooled = await blobs.upload(alice, chunks(3, 700_000))
say(`end spooled ${spooled.ref}`)

// Its shard exists now: only the shard itself is synced.
say('begin again')
const again = await blobs.upload(alice, bytes('small'))
say(`end again ${again.ref}`)

say('begin reference')
await post(blobs, alice, 'a', spooled)
say('end reference')

say('begin dereference')
await unpost(blobs, alice, 'a')
say('end dereference')

// What expires now is not yet expired in this millisecond.
await sleep(20)
say('begin collect')
const { deletedKeys } = await blobs.collect()
say(`end collect ${deletedKeys}`)

say('begin epoch')
await blobs.markBackup()
say('end epoch')
await blobs.close()

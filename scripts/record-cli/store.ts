import { createHash } from 'node:crypto'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type BlobRef, cidOfBytes, createBlobStore, DiskBackend, sqliteMetadata } from '../../src/index.ts'

const day = 86_400_000
export const photographer = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const friend = 'did:plc:44ybard66vv44zksje25o7dz'
const stranger = 'did:plc:vc7f4oafdgxsihk4cry2xpze'

/**
 * Creates a small store, always the same except for its keys: two accounts with pictures, one of which both have,
 * drafts that were never posted, bytes that a crash has left, a picture that a disk has damaged, and two of a third account
 * that an inspection has quarantined.
 */
export async function makeStore(folder: string): Promise<void> {
  // What happened then is long ago for the commands that are recorded.
  let now = Date.UTC(2026, 0, 1)
  const backend = new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' })
  const metadata = sqliteMetadata(join(folder, 'blobs.sqlite'), { durability: 'relaxed', now: () => now })
  const blobs = createBlobStore({ janitor: false, backend, metadata, limits: { accept: ['*/*'] } })
  const post = async (did: string, at: number, blob: BlobRef) => {
    const record = { $type: 'app.bsky.feed.post', text: `Photo ${at}`, blob }
    await blobs.applyWrites(did, [{ action: 'create', uri: uriOf(did, at), record }], { rev: tidOf(at) })
  }
  try {
    for (let at = 1; at <= 30; at++) {
      await post(photographer, at, await blobs.upload(photographer, picture(`photo ${at}`, at * 20_000)))
      now += day
    }
    await post(friend, 31, await blobs.upload(friend, picture('photo 1', 20_000)))
    for (let at = 1; at <= 3; at++) await blobs.upload(friend, picture(`draft ${at}`, at * 10_000))
    let finding = 'clamd found Html.Phishing.Bank-1'
    blobs.setHooks({ inspect: async () => ({ quarantine: finding }) })
    await post(stranger, 32, await blobs.upload(stranger, picture('advert', 15_000)))
    finding = 'clamd could not inspect it: it took longer than 30000 ms'
    await post(stranger, 33, await blobs.upload(stranger, picture('sunset', 15_000)))
    await leaveOrphan(backend)
  } finally {
    await blobs.close()
  }
  damageLast(join(folder, 'blobs/blobs'))
}

/** With the size and the first bytes of a picture; always the same. */
export function picture(name: string, size: number): Uint8Array {
  const noise = createHash('sha256').update(name).digest()
  return Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(size - 4, noise)])
}

const tidOf = (at: number): string => `3kphotos2222${'234567abcdefghijklmnopqrstuvwxyz'[at % 32]}`

export const uriOf = (did: string, at: number): string => `at://${did}/app.bsky.feed.post/${tidOf(at)}`

async function leaveOrphan(backend: DiskBackend): Promise<void> {
  const content = picture('lost', 50_000)
  const sha256 = createHash('sha256').update(content).digest()
  await backend.put(`${cidOfBytes(content)}.1-aaaaaaaaaaaaaaaa`, {
    size: content.byteLength,
    sha256,
    chunks: [content],
  })
}

/** Flips one bit, where a short check does not read. */
function damageLast(folder: string): void {
  const files = globSync(join(folder, '**/bafkrei*')).filter((file) => !file.endsWith('.1-aaaaaaaaaaaaaaaa'))
  const [file = ''] = files.sort((one, other) => (basename(one) < basename(other) ? 1 : -1))
  const content = readFileSync(file)
  content.writeUInt8(content.readUInt8(1000) ^ 1, 1000)
  writeFileSync(file, content)
}

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type BlobRef, jsonToLex } from '@atproto/api'
import { cidOfBytes, DiskBackend } from 'pds-blobstore'
import { hashList } from 'pds-blobstore/inspect'
import { privateData } from 'pds-blobstore/privacy'
import { Upload } from 'tus-js-client'
import { serveNumbers } from '../../observability/metrics.ts'
import { type Pds, startPds } from '../pds.ts'
import { bytesOf, gif, jpeg, type Media, noise, png, webm } from './media.ts'
import { Person } from './people.ts'
import { count, type Report } from './report.ts'

const MiB = 1024 * 1024

/** What those who run a PDS may turn on, in a second PDS with a folder of its own. */
export async function running(report: Report, dir: string): Promise<void> {
  report.chapter('For those who run it: a second PDS')
  const mirror = { backend: new DiskBackend({ root: join(dir, 'mirror'), name: 'second' }) }
  const store = { mirror, privacy: privateData() }
  const limits = { maxBlobSize: 50 * MiB }
  const pds = await startPds({ dir, port: 0, adminPassword: 'admin', limits, store })
  const numbers = serveNumbers(pds.blobs).listen(0, '127.0.0.1')
  try {
    const carol = new Person('carol', pds.url)
    await carol.signUp()
    await losingItsPlace(carol, report)
    await waitingForAModerator(carol, pds, report, dir)
    await continuing(carol, pds, report)
    await losingItsDisk(carol, pds, report, dir)
    await telling(`http://127.0.0.1:${(numbers.address() as AddressInfo).port}`, report)
  } finally {
    numbers.close()
    await pds.close()
  }
}

/** Real, created by scripts/make-media.sh: it says where it was recorded. */
const phone: Media = (() => {
  const bytes = readFileSync(new URL('../../../test/fixtures/private/phone.mov', import.meta.url))
  return { name: 'phone.mov', mimeType: 'video/quicktime', size: bytes.length, chunks: () => [bytes] }
})()

async function losingItsPlace(carol: Person, report: Report): Promise<void> {
  const place = '+52.5200+013.4050'
  assert.ok(bytesOf(phone).includes(place), `${phone.name} does not say where it was recorded`)
  const ref = await carol.upload(phone)
  await carol.post('On holiday', ref)
  const stored = Buffer.from(await carol.readBlob(ref.ref.toString()))
  assert.ok(!stored.includes(place), 'the place is still in the stored video')
  assert.equal(stored.length, phone.size)
  report.step('a video of a phone is stored without the place where it was recorded', place)
}

async function waitingForAModerator(carol: Person, { blobs }: Pds, report: Report, dir: string): Promise<void> {
  const list = join(dir, 'listed.txt')
  await writeFile(list, createHash('sha256').update(bytesOf(gif)).digest('hex'))
  blobs.setHooks({ inspect: hashList(list, { verdict: 'quarantine' }) })
  const ref = await carol.upload(gif)
  const cid = ref.ref.toString()
  await carol.post('Look', ref)
  assert.equal((await fetch(carol.blobUrl(cid))).status, 404, 'what is quarantined is served')
  const { items } = await blobs.listTakedowns({ quarantined: true })
  assert.deepEqual(
    items.map((item) => item.cid),
    [cid],
  )
  report.step('a file on a list of hashes is stored, and nobody sees it until a moderator has decided')
  await blobs.reverseTakedown(carol.did, cid)
  assert.equal((await fetch(carol.blobUrl(cid))).status, 200, 'what a moderator released is not served')
  report.step('the moderator releases it, and it is served')
}

async function continuing(carol: Person, { server }: Pds, report: Report): Promise<void> {
  const film = Buffer.concat([...webm.chunks(), ...empty(24 * MiB)])
  const patches: number[] = []
  let cuts = 0
  const found = await new Promise<BlobRef>((resolve, reject) => {
    const upload = new Upload(film, {
      endpoint: `${carol.agent.serviceUrl}upload`,
      headers: { authorization: `Bearer ${carol.agent.session?.accessJwt}` },
      metadata: { filename: 'film.webm', filetype: 'video/webm' },
      chunkSize: 4 * MiB,
      retryDelays: [0, 100, 500],
      onBeforeRequest: (request) => {
        if (request.getMethod() === 'PATCH') patches.push(Number(request.getHeader('Upload-Offset')))
      },
      onProgress: (sent) => {
        if (sent < (cuts + 1) * 5 * MiB || cuts === 3) return
        cuts += 1
        server.closeAllConnections()
      },
      onSuccess: ({ lastResponse }) =>
        resolve(jsonToLex(JSON.parse(lastResponse.getHeader('Atproto-Blob') ?? '')) as BlobRef),
      onError: reject,
    })
    upload.start()
  })
  assert.equal(found.ref.toString(), cidOfBytes(film), 'the film was stored with other bytes')
  assert.equal(cuts, 3)
  assert.equal(patches.filter((offset) => offset === 0).length, 1, 'the upload began again')
  await carol.post('A film', found)
  report.step(`${count(film.length)} bytes by tus-js-client, with the connection cut ${cuts} times, arrive whole`)
}

/** An element of a WebM that players skip. */
function* empty(size: number): Generator<Uint8Array> {
  const head = Buffer.alloc(9)
  head.writeBigUInt64BE(0x0100_0000_0000_0000n + BigInt(size), 1)
  head[0] = 0xec
  yield head
  yield* noise(size)
}

async function losingItsDisk(carol: Person, { blobs }: Pds, report: Report, dir: string): Promise<void> {
  for (const media of [jpeg, png]) await carol.post(media.name, await carol.upload(media))
  const { copied } = await blobs.mirror()
  const { items } = await blobs.listPublic(carol.did)
  await rm(join(dir, 'blobs'), { recursive: true })
  const read = async () => {
    for (const cid of items) assert.equal(cidOfBytes(await carol.readBlob(cid)), cid, 'other bytes are served')
  }
  await read()
  report.step(`the disk is wiped: all ${items.length} blobs are served from the mirror`, `${copied} copied before`)
  const { healed, findings } = await blobs.heal()
  assert.deepEqual(findings, [])
  await rm(join(dir, 'mirror'), { recursive: true })
  await read()
  report.step(`heal brings ${healed} back, and then the mirror is not needed`)
}

async function telling(url: string, report: Report): Promise<void> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const uploads = /blobstore_operation_seconds_count\{operation="upload",outcome="ok"\} (\d+)/.exec(text)?.[1]
  assert.ok(Number(uploads) > 0, `Prometheus reads no uploads:\n${text}`)
  report.step('Prometheus reads how much happens, and how long it takes', `${uploads} uploads`)
}

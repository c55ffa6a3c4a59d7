import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { createBlobStore, DiskBackend, loadImages, MemoryBackend, sqliteMetadata } from '../library.ts'

// npm run build && node bench/images/images.ts: a thumbnail of a photograph of 12 megapixels, by the decoding process
// and by sharp in this one, in turns, so that other load on the machine affects both. The median of each, and their
// ratio.
const rounds = 40
const did = 'did:plc:bench'
const recipe = { width: 1000, height: 1000, fit: 'inside', withoutEnlargement: true } as const

// The same for both: one thread for each image.
sharp.concurrency(1)
sharp.cache(false)

const dir = await mkdtemp(join(tmpdir(), 'pds-blobstore-bench-'))
const blobs = createBlobStore({
  janitor: false,
  backend: new DiskBackend({ root: join(dir, 'blobs'), durability: 'relaxed' }),
  metadata: sqliteMetadata(join(dir, 'blobs.sqlite')),
  limits: { maxBlobSize: 64 * 1024 * 1024 },
})
const { createImageVariants } = await loadImages()
const images = createImageVariants({ blobs, cache: new MemoryBackend(), cacheSize: 0 })
try {
  const photo = await photograph()
  const blob = await blobs.upload(did, photo, { mimeType: 'image/jpeg' })
  const write = { action: 'create', uri: `at://${did}/com.example.post/1`, record: { blob } } as const
  await blobs.applyWrites(did, [write], { rev: '3jzfcijpj2z2a' })
  const cid = blob.ref.toString()
  const first = await timed(() => images.variant(did, cid, 'feed_thumbnail'))
  console.log(
    `${(photo.length / 1e6).toFixed(1)} MB of JPEG; the first variant, including the start of a process: ${ms(first)}`,
  )
  for (const format of ['jpeg', 'webp', 'avif'] as const) {
    const [apart, here]: [number[], number[]] = [[], []]
    for (let round = 0; round < (format === 'avif' ? rounds / 4 : rounds); round++) {
      apart.push(await timed(() => images.variant(did, cid, 'feed_thumbnail', { format })))
      here.push(await timed(() => plain(photo, format)))
    }
    const ratio = median(apart) / median(here)
    console.log(
      `${format}: ${ms(median(apart))} in a separate process, ${ms(median(here))} in this one, ${ratio.toFixed(2)} times`,
    )
  }
} finally {
  await images.close()
  await blobs.close()
  await rm(dir, { recursive: true })
}

/** An image with as much detail as a photograph: 12 megapixels of clouds and noise. */
async function photograph(): Promise<Buffer> {
  const noise = { type: 'gaussian', mean: 128, sigma: 50 } as const
  const clouds = await sharp({ create: { width: 1000, height: 750, channels: 3, background: 'grey', noise } })
    .png()
    .toBuffer()
  return await sharp(clouds).resize(4000, 3000).jpeg({ quality: 90 }).toBuffer()
}

async function plain(photo: Buffer, format: 'jpeg' | 'webp' | 'avif'): Promise<Buffer> {
  const image = sharp(photo).autoOrient().resize(recipe)
  if (format === 'jpeg') return await image.jpeg({ quality: 80 }).toBuffer()
  if (format === 'webp') return await image.webp({ quality: 80 }).toBuffer()
  return await image.avif({ quality: 50, effort: 2 }).toBuffer()
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await call()
  return performance.now() - start
}

function median(times: number[]): number {
  return times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN
}

function ms(time: number): string {
  return `${time.toFixed(0)} ms`
}

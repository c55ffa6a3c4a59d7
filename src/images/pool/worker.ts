import type sharpModule from 'sharp'
import { asPicture } from './as-picture.ts'
import type { Task, WorkerMessage, WorkerSettings } from './messages.ts'

type Sharp = typeof sharpModule

/** By their names in libvips. What is not here (SVG, PDF, TIFF, ImageMagick, files of any kind) is never parsed. */
const loaders = [
  'VipsForeignLoadJpegBuffer',
  'VipsForeignLoadPngBuffer',
  'VipsForeignLoadWebpBuffer',
  'VipsForeignLoadNsgifBuffer',
  'VipsForeignLoadHeifBuffer',
]

const watchEvery = 20

/** Decodes images until its parent is gone. Runs in a process of its own, which may be killed at any moment. */
export async function takeTasks(settings: WorkerSettings): Promise<void> {
  process.once('disconnect', die)
  // Ctrl-C goes to the whole group; the parent decides, for it may still want to answer.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  let sharp: Sharp
  try {
    sharp = confine((await import(settings.sharp)).default)
  } catch (error) {
    return say({ kind: 'unusable', reason: messageOf(error) })
  }
  watchMemory(settings.maxMemory)
  process.on('message', async (task: Task) => {
    try {
      const image = await make(sharp, await receive(task.size), task, settings.maxPixels)
      say({ kind: 'made', size: image.byteLength, memory: process.memoryUsage.rss() })
      process.stdout.write(image)
    } catch (error) {
      say({ kind: 'refused', reason: messageOf(error) })
    }
  })
  say({ kind: 'ready' })
}

function confine(sharp: Sharp): Sharp {
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: loaders })
  sharp.cache(false)
  sharp.concurrency(1) // there are as many processes as images at once
  return sharp
}

async function make(sharp: Sharp, input: Buffer, { recipe }: Task, limitInputPixels: number): Promise<Buffer> {
  const { fit, format, quality } = recipe
  // Of a file that is cut off, or damaged, what is there: browsers show that too.
  const image = sharp(asPicture(input), { limitInputPixels, pages: 1, failOn: 'none' }).autoOrient() // before EXIF goes, which says how
  const { width, height } = fit === 'inside' ? recipe : boxWithin(recipe, (await image.metadata()).autoOrient)
  image.resize({ width, height, fit, withoutEnlargement: true })
  if (format === 'jpeg') image.flatten({ background: 'white' }).jpeg({ quality, mozjpeg: false })
  else if (format === 'webp') image.webp({ quality })
  else image.avif({ quality, effort: 2 }) // the default takes seconds
  return await image.toBuffer()
}

interface Size {
  width: number
  height: number
}

/** The box, or where the picture is smaller, one of the same shape that it fills: sharp would leave such a one uncut. */
function boxWithin(box: Size, picture: Size): Size {
  const scale = Math.min(1, picture.width / box.width, picture.height / box.height)
  return { width: Math.max(1, Math.round(box.width * scale)), height: Math.max(1, Math.round(box.height * scale)) }
}

function receive(size: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const { stdin } = process
    const chunks: Buffer[] = []
    let received = 0
    const onData = (chunk: Buffer) => {
      chunks.push(chunk)
      received += chunk.byteLength
      if (received < size) return
      stdin.off('data', onData).pause()
      resolve(Buffer.concat(chunks))
    }
    stdin.on('data', onData).resume()
  })
}

/** Decoders run on other threads, so this one can look at what they take. */
function watchMemory(maxMemory: number): void {
  setInterval(() => {
    if (process.memoryUsage.rss() <= maxMemory) return
    say({ kind: 'exceeded' })
    die()
  }, watchEvery)
}

/** At once: an exit would wait for the decoder. */
function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

function say(message: WorkerMessage): void {
  if (process.connected) process.send?.(message)
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 300)
}

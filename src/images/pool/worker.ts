import type { Sharp as Image, default as sharpModule } from 'sharp'
import { isError } from '../../shapes.ts'
import type { Task, WorkerMessage, WorkerSettings } from './messages.ts'

type Sharp = typeof sharpModule

/** By their names in libvips. Other formats (SVG, PDF, TIFF, ImageMagick, any other) are never parsed. */
const loaders = [
  'VipsForeignLoadJpegBuffer',
  'VipsForeignLoadPngBuffer',
  'VipsForeignLoadWebpBuffer',
  'VipsForeignLoadNsgifBuffer',
  'VipsForeignLoadHeifBuffer',
]

const watchEvery = 20

/** Decodes images until its parent is gone. Runs in a separate process, which may be killed at any moment. */
export async function takeTasks(settings: WorkerSettings): Promise<void> {
  process.once('disconnect', die)
  // Ctrl-C goes to the whole process group. The parent decides when to end, because it may still have to answer.
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
  sharp.concurrency(1) // the pool has one process for each concurrent image
  return sharp
}

async function make(sharp: Sharp, input: Buffer, task: Task, limitInputPixels: number): Promise<Buffer> {
  const { recipe } = task
  const { fit, format, quality } = recipe
  const image = (await open(sharp, input, task, limitInputPixels)).autoOrient() // before EXIF is removed, which has the orientation
  const { width, height } = fit === 'inside' ? recipe : boxWithin(recipe, (await image.metadata()).autoOrient)
  image.resize({ width, height, fit, withoutEnlargement: true })
  if (format === 'jpeg') image.flatten({ background: 'white' }).jpeg({ quality, mozjpeg: false })
  else if (format === 'webp') image.webp({ quality })
  else image.avif({ quality, effort: 2 }) // the default takes seconds
  return await image.toBuffer()
}

/** The picture as browsers show it: of a truncated file, what is there. */
async function open(sharp: Sharp, input: Buffer, { shown }: Task, limitInputPixels: number): Promise<Image> {
  // sharp detects AVIF by its first brand, of which it knows few. With this brand it takes the first frame of an
  // animation.
  if (shown.kind === 'avif' && input.toString('latin1', 4, 8) === 'ftyp') input.write('avif', 8, 'latin1')
  const whole = shown.kind === 'jpeg' ? withoutHalfSegment(input) : input
  const image = sharp(whole, { limitInputPixels, pages: 1, failOn: 'none' })
  if (shown.kind !== 'gif') return image
  // sharp crops a GIF to its first frame if the screen has the size of a monitor.
  const { width, height } = await image.metadata()
  const missing = { right: shown.width - width, bottom: shown.height - height }
  if (missing.right < 0 || missing.bottom < 0 || missing.right + missing.bottom === 0) return image
  const { data, info } = await image
    .ensureAlpha()
    .extend({ ...missing, background: '#00000000' })
    .raw()
    .toBuffer({ resolveWithObject: true })
  const { channels } = info
  return sharp(data, { limitInputPixels, raw: { width: info.width, height: info.height, channels } })
}

interface Size {
  width: number
  height: number
}

/**
 * The box or, if the picture is smaller, one of the same shape that the picture fills: otherwise sharp would not crop
 * the picture.
 */
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

/** Decoders run on other threads, so this thread can measure their memory. */
function watchMemory(maxMemory: number): void {
  setInterval(() => {
    if (process.memoryUsage.rss() <= maxMemory) return
    say({ kind: 'exceeded' })
    die()
  }, watchEvery)
}

/** Kills the process at once: an exit would wait for the decoder. */
function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

function say(message: WorkerMessage): void {
  if (process.connected) process.send?.(message)
}

function messageOf(error: unknown): string {
  return (isError(error) ? error.message : String(error)).slice(0, 300)
}

/**
 * Removes a truncated last segment. A JPEG that is truncated within pixels is shown as far as it goes. But if it ends
 * within a segment, as between the scans of a progressive one, the decoder takes the missing bytes for wrong ones, and
 * fails.
 */
export function withoutHalfSegment(jpeg: Buffer): Buffer {
  for (let at = jpeg.length - 1; at > 2; at--) {
    const marker = jpeg[at + 1]
    if (jpeg[at] !== 0xff || marker === 0 || marker === 0xff) continue
    if (marker === undefined) return jpeg.subarray(0, at)
    if (marker >= 0xd0 && marker <= 0xd9) {
      if (marker >= 0xd8) return jpeg // an end
      continue // between pixels
    }
    const isWhole = at + 4 <= jpeg.length && at + 2 + jpeg.readUInt16BE(at + 2) <= jpeg.length
    return isWhole ? jpeg : jpeg.subarray(0, at)
  }
  return jpeg
}

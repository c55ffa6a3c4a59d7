import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { invalidArgument } from '../options.ts'
import { printable } from '../printable.ts'
import type { UploadInspection } from '../store/hooks.ts'
import { assertInspectorOptions, type FindingOptions, guarded, type Inspector } from './inspector.ts'

export interface ClamdOptions extends FindingOptions {
  /** The path of its socket (`LocalSocket` in clamd.conf), or */
  socket?: string | undefined
  /** the host and */
  host?: string | undefined
  /** port of its TCP socket. @default 3310 */
  port?: number | undefined
}

/** The longest answer, in characters. */
const longest = 10_000

/** The most that is sent in one piece. */
const pieceSize = 64 * 1024

/**
 * Lets ClamAV's daemon scan each upload, by its command INSTREAM. `StreamMaxLength` in clamd.conf must be at least
 * `limits.maxBlobSize`: a larger upload counts as one that could not be inspected. The uploader is told that the file was
 * refused, not what was found; moderators read the name of the signature.
 *
 * @throws `InvalidArgument`
 */
export function clamd(options: ClamdOptions): Inspector {
  assertInspectorOptions('clamd', options, ['socket', 'host', 'port', 'verdict'])
  const { socket, host, port = 3310, verdict } = options
  if ((socket === undefined) === (host === undefined)) {
    throw invalidArgument('clamd', 'socket, the path of its socket, or host is required, and not both')
  }
  const place = socket === undefined ? { host: host ?? '', port } : { path: socket }
  const inspect: Inspector = async (upload) => {
    const found = await scan(connect(place), upload)
    if (found === null) return undefined
    return verdict === 'quarantine'
      ? { quarantine: `clamd found ${printable(found, 300)}` }
      : { refuse: 'a virus scanner refused this file' }
  }
  return guarded('clamd', inspect, options)
}

/** The name of the signature that was found; null for none. */
async function scan(socket: Socket, { read, signal }: UploadInspection): Promise<string | null> {
  const end = () => socket.destroy(new Error('The inspection was ended'))
  signal.addEventListener('abort', end)
  const failure = new Promise<never>((_resolve, reject) => socket.once('error', reject))
  failure.catch(() => {})
  let answer = ''
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text
      // An answer ends with a zero character; and what is no answer must not fill the memory.
      if (answer.includes('\0') || answer.length > longest) resolve()
    })
  })
  try {
    await Promise.race([once(socket, 'connect'), failure])
    socket.write('zINSTREAM\0')
    for await (const chunk of read()) {
      await send(socket, chunk, closed)
      // It closes early when it has found something, or when the stream is too long. Then the socket may still hold the
      // chunk, which is valid only until the next is asked for.
      if (socket.destroyed || socket.readableEnded || answer !== '') break
    }
    if (socket.writable) socket.end(Buffer.alloc(4))
    await Promise.race([closed, failure])
    return findingOf(answer)
  } catch (error) {
    // A broken pipe, because it has answered already.
    if (/ (FOUND|ERROR)\0?$/.test(answer)) return findingOf(answer)
    throw error
  } finally {
    signal.removeEventListener('abort', end)
    socket.destroy()
  }
}

/** Pieces with their lengths before them. A chunk is valid only until the next, so each is taken whole before. */
async function send(socket: Socket, chunk: Uint8Array, closed: Promise<void>): Promise<void> {
  for (let at = 0; at < chunk.byteLength; at += pieceSize) {
    const piece = chunk.subarray(at, at + pieceSize)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(piece.byteLength)
    socket.write(length)
    await Promise.race([new Promise((resolve) => socket.write(piece, resolve)), closed])
  }
}

function findingOf(answer: string): string | null {
  const text = answer.replaceAll('\0', '').trim()
  if (text === 'stream: OK') return null
  const found = /^stream: (?<signature>.*) FOUND$/.exec(text)?.groups?.signature
  if (found !== undefined) return found
  throw new Error(
    text === '' ? 'clamd closed the connection without an answer' : `clamd answered: ${text.slice(0, 200)}`,
  )
}

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ContenderName, missingFor, openContender } from '../contenders/all.ts'
import { observe } from '../measure/observe.ts'
import type { StreamRead } from '../process/read-stream.ts'
import { accountOf, Chunks } from './blobs.ts'
import type { Workload } from './workload.ts'

const MiB = 1024 ** 2
const GiB = 1024 * MiB
const everybody: ContenderName[] = [
  'ours',
  'ours-relaxed',
  'reference',
  'cacache',
  'blockstore-fs',
  'tus',
  'hash-only',
  'write-only',
]

/** One large blob in, and out again, by itself. */
export const streams: Workload[] = [
  stream('100m', '100 MiB', 100 * MiB, everybody, 'full'),
  stream('1g', '1 GiB', GiB, everybody, 'always'),
  // Larger than a buffer can be, which the reference and blockstore-fs need.
  stream('8g', '8 GiB', 8 * GiB, ['ours', 'ours-relaxed', 'cacache', 'tus', 'hash-only'], 'full'),
]

function stream(
  name: string,
  title: string,
  size: number,
  contenders: ContenderName[],
  when: Workload['when'],
): Workload {
  return {
    name: `stream-${name}`,
    title: `A stream of ${title}, in and out`,
    contenders,
    when,
    missing: missingFor,
    ...(size > GiB ? { rounds: 1 } : {}),
    async run(name, { folder, scale }) {
      const length = Math.ceil(size * scale)
      await touchMemory(folder, length)
      const contender = await openContender(name, folder)
      const did = accountOf(0)
      await contender.upload({ did, size: 2 * MiB, body: new Chunks(chunksOf(2 * MiB, 1)) })
      let stored = ''
      const input = await observe(async () => {
        stored = await contender.upload({ did, size: length, body: new Chunks(chunksOf(length, 0)) })
      })
      const figures = {
        bandwidth: length / 1000 / input.elapsed,
        cpu: input.cpu,
        memory: input.memory,
        loopDelay: input.loopDelay,
      }
      if (name === 'hash-only') return figures
      if (contender.referenced) assert.equal(await contender.referenced(did), 2, 'references')
      await contender.close()
      const output = await readElsewhere(name, folder, did, stored)
      assert.equal(output.sha256, hashOf(chunksOf(length, 0)), 'other bytes came back')
      return { ...figures, readBandwidth: length / 1000 / output.elapsed, readMemory: output.memory }
    },
  }
}

/**
 * Makes the kernel take memory for so many bytes, and releases it. A virtual machine gets memory from its host on first
 * use, which took three times as long as writing: the first contender would pay for all.
 */
async function touchMemory(folder: string, length: number): Promise<void> {
  const file = join(folder, 'touched')
  await writeFile(file, chunksOf(length, 0), { flush: true })
  await rm(file)
}

async function readElsewhere(...args: string[]): Promise<StreamRead> {
  const child = fork(join(import.meta.dirname, '../process/read-stream.ts'), args, { execArgv: ['--expose-gc'] })
  const ended = once(child, 'exit').then(([status]) => Promise.reject(new Error(`Reading ended with ${status}`)))
  ended.catch(() => {})
  const [read] = await Promise.race([once(child, 'message') as Promise<[StreamRead]>, ended])
  return read
}

const random = randomBytes(16 * MiB)
const chunkSize = 64 * 1024

/** Random bytes, the same each time, in the chunks that Node's HTTP gives. */
function* chunksOf(length: number, offset: number): Generator<Uint8Array> {
  for (let at = 0; at < length; at += chunkSize) {
    const start = (at + offset * chunkSize) % random.length
    yield random.subarray(start, start + Math.min(chunkSize, length - at))
  }
}

function hashOf(chunks: Iterable<Uint8Array>): string {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

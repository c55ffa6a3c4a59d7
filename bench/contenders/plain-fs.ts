import { createHash } from 'node:crypto'
import { closeSync, createReadStream, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { collect } from './collect.ts'
import type { Open } from './contract.ts'

// The minimal hand-written code: hash, write to a temporary file, rename to the hash.

export const asynchronous: Open = async (folder) => {
  const root = join(folder, 'files')
  await mkdir(root, { recursive: true })
  let uploads = 0
  return {
    async upload({ body }) {
      const hash = createHash('sha256')
      const bytes = await collect(body, (chunk) => hash.update(chunk))
      const [temporary, name] = [join(root, `temporary-${uploads++}`), hash.digest('hex')]
      await writeFile(temporary, bytes)
      await rename(temporary, join(root, name))
      return name
    },
    read: (_did, name) => readFile(join(root, name)),
    stream: async (_did, name) => createReadStream(join(root, name)),
    range: (_did, name, start, end) => collect(createReadStream(join(root, name), { start, end })),
    async close() {},
  }
}

export const synchronous: Open = async (folder) => {
  const root = join(folder, 'files')
  mkdirSync(root, { recursive: true })
  let uploads = 0
  return {
    async upload({ body }) {
      const hash = createHash('sha256')
      const temporary = join(root, `temporary-${uploads++}`)
      const fd = openSync(temporary, 'wx')
      for await (const chunk of body) {
        hash.update(chunk)
        for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at)
      }
      closeSync(fd)
      const name = hash.digest('hex')
      renameSync(temporary, join(root, name))
      return name
    },
    read: async (_did, name) => readFileSync(join(root, name)),
    stream: async (_did, name) => createReadStream(join(root, name)),
    async close() {},
  }
}

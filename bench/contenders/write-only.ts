import { createReadStream } from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Open } from './contract.ts'

const pieceSize = 1024 * 1024

/**
 * Writes without hashing, a piece while the next one arrives: how fast this process can write bytes to a file at all.
 */
export const open: Open = async (folder) => {
  let uploads = 0
  return {
    async upload({ body }) {
      const name = `${uploads++}`
      const file = await openFile(join(folder, name), 'wx')
      let written: Promise<unknown> = Promise.resolve()
      let piece: Uint8Array[] = []
      let size = 0
      const write = async (): Promise<void> => {
        const chunks = piece
        ;[piece, size] = [[], 0]
        await written
        written = file.writev(chunks)
      }
      for await (const chunk of body) {
        piece.push(chunk)
        size += chunk.byteLength
        if (size >= pieceSize) await write()
      }
      await write()
      await written
      await file.close()
      return name
    },
    read: () => Promise.reject(new Error('It is only measured with streams')),
    stream: async (_did, name) => createReadStream(join(folder, name)),
    async close() {},
  }
}

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FileStore } from '@tus/file-store'
import { Upload } from '@tus/utils'
import { collect } from '../collect.ts'
import type { Open } from '../contract.ts'

/** The store of tus, the protocol for resumable uploads: bytes and a JSON file beside them, without a hash. */
export const open: Open = async (folder) => {
  const directory = join(folder, 'tus')
  await mkdir(directory, { recursive: true })
  const store = new FileStore({ directory })
  let uploads = 0
  return {
    async upload({ body, size }) {
      const id = `upload-${uploads++}`
      await store.create(new Upload({ id, size, offset: 0, metadata: { filetype: 'image/jpeg' } }))
      await store.write(body, id, 0)
      return id
    },
    read: (_did, name) => collect(store.read(name)),
    stream: async (_did, name) => store.read(name),
    async close() {},
  }
}

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { FsBlockstore } from 'blockstore-fs'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { collect } from '../collect.ts'
import type { Open } from '../contract.ts'

const [raw, sha256] = [0x55, 0x12]

/** IPFS's store of blocks in files. It is given the CID, so all bytes must have arrived, and be hashed, before. */
export const open: Open = async (folder) => {
  const store = new FsBlockstore(join(folder, 'blocks'))
  await store.open()
  return {
    async upload({ body }) {
      const hash = createHash('sha256')
      const bytes = await collect(body, (chunk) => hash.update(chunk))
      const cid = CID.createV1(raw, create(sha256, hash.digest()))
      await store.put(cid, bytes)
      return cid.toString()
    },
    read: (_did, name) => collect(store.get(CID.parse(name))),
    async stream(_did, name) {
      return store.get(CID.parse(name))
    },
    close: () => store.close(),
  }
}

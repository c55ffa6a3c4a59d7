import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

// Measures what ships: the built files of `npm run build`. Their types are those of the source.

export const builtFiles: string = fileURLToPath(new URL('../dist/', import.meta.url))

/** The store's copy of better-sqlite3. The other contenders install one of their own, and two must not open one file. */
export const Database = createRequire(builtFiles)('better-sqlite3') as typeof import('better-sqlite3')

const load = (entry: string): Promise<unknown> => import(new URL(`../dist/${entry}.js`, import.meta.url).href)

export const { cidOfBytes, createBlobStore, DiskBackend, kyselyMetadata, MemoryBackend, sqliteMetadata } = (await load(
  'index',
)) as typeof import('../src/index.ts')

export const loadExpress = async (): Promise<typeof import('../src/express.ts')> =>
  (await load('express')) as typeof import('../src/express.ts')

export const loadS3 = async (): Promise<typeof import('../src/s3.ts')> =>
  (await load('s3')) as typeof import('../src/s3.ts')

export const loadImages = async (): Promise<typeof import('../src/images.ts')> =>
  (await load('images')) as typeof import('../src/images.ts')

import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BlobStoreError, type BlobStoreErrorCode } from './errors.ts'

export type ProgramName = 'checkpoint' | 'backup' | 'images' | 'reader'

interface Program {
  locate(): URL
  /** Of the error when it is missing. */
  code: BlobStoreErrorCode
}

// The programs of our threads and processes. Each is one file that imports nothing of ours, so that it runs wherever a
// bundler copies it. Bundlers that copy such files look for these very words: `new URL('…', import.meta.url)`.
const programs: Record<ProgramName, Program> = {
  checkpoint: { locate: () => new URL('./checkpoint-worker.mjs', import.meta.url), code: 'MetadataFailed' },
  backup: { locate: () => new URL('./backup-worker.mjs', import.meta.url), code: 'MetadataFailed' },
  images: { locate: () => new URL('./images-worker.mjs', import.meta.url), code: 'ImagesFailed' },
  reader: { locate: () => new URL('./reader-worker.mjs', import.meta.url), code: 'StorageFailed' },
}

/**
 * The file of a program: beside this one in the package, in its source, and beside a bundle into which it was copied.
 *
 * @throws with what to do, if the package was bundled without it
 */
export function programFile(name: ProgramName): URL {
  const { code, locate } = programs[name]
  const file = fromHere(name, locate)
  // Next.js, built with webpack, gives an address of its web server instead.
  if (file.protocol === 'file:' && existsSync(file)) return file
  throw new BlobStoreError(
    code,
    `pds-blobstore was bundled without its program ${name}-worker.mjs. Mark pds-blobstore as external in the bundler ` +
      `(pds-blobstore/docs/toolchains.md says how), or copy node_modules/pds-blobstore/dist/*-worker.mjs to where ${basename(here().pathname)} is`,
  )
}

function fromHere(name: ProgramName, locate: () => URL): URL {
  if (import.meta.url === undefined) return new URL(`./${name}-worker.mjs`, here())
  const file = locate()
  // The source, which the tests run, has no build beside it.
  return import.meta.url.endsWith('.ts') ? new URL(file.href.replace(/\.mjs$/, '.ts')) : file
}

/** This file. When esbuild writes CommonJS, it leaves `import.meta` empty. */
function here(): URL {
  return import.meta.url === undefined ? pathToFileURL(__filename) : new URL(import.meta.url)
}

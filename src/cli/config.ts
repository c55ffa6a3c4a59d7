import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BlobStore } from '../blob-store.ts'
import { UsageError } from './command.ts'
import { assertThere } from './paths.ts'

/** The store that a module of the host's gives. @throws `UsageError`, and what its function throws */
export async function storeOf(module: string): Promise<BlobStore> {
  assertThere('--config', module, 'file', 'Give the path of a module, from the folder that you are in')
  const given = await defaultExportOf(module)
  const made = typeof given === 'function' ? await given() : given
  if (typeof made?.upload === 'function') return made
  const which = given === undefined ? 'it has no default export' : 'its default export is, or gives, no store'
  throw new UsageError(
    `--config ${module}: ${which}. It must be what createBlobStore gives, or a function that gives it:\n` +
      '  export default () => createBlobStore({ backend, metadata })',
  )
}

async function defaultExportOf(module: string) {
  try {
    const loaded = await import(pathToFileURL(resolve(module)).href)
    return loaded.default
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new UsageError(`--config ${module}: it cannot be loaded: ${why}\nTo see where: node ${module}`)
  }
}

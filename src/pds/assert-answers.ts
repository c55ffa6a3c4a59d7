import { mkdtemp, readdir, rmdir, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isError } from '../shapes.ts'
import { readActorRows } from './actor-rows.ts'
import { nobody } from './pds-package.ts'
import { notAsKnown, type PdsPackage, type RunningPds } from './running-pds.ts'

const noBytes = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

/**
 * Tries all later questions on this PDS before anything is changed: for an account created for this, in a temporary
 * folder, whose database has the tables of this version.
 *
 * @throws `InvalidArgument` if it cannot be asked
 */
export async function assertAnswers(pds: RunningPds, of: PdsPackage | null): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'pds-blobstore-'))
  try {
    const { actorStore } = pds.ctx
    // The same except for the folder: its methods read `cfg`.
    const trial = Object.create(actorStore, { cfg: { value: { ...actorStore.cfg, directory } } })
    await trial.create(nobody, { export: async () => new Uint8Array(32) })
    const probe: RunningPds = { ctx: { ...pds.ctx, actorStore: trial } }
    for (const final of [false, true]) await readActorRows(probe, nobody, [noBytes], { final })
  } catch (error) {
    const why = isError(error) ? error.message : error
    throw notAsKnown(of, `it does not answer what is asked of it (${why})`, error)
  } finally {
    await removeTrial(directory)
  }
}

/** File by file, because nothing here deletes a folder with unknown content. */
async function removeTrial(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    await (entry.isDirectory() ? removeTrial(path) : unlink(path))
  }
  await rmdir(directory)
}

import fc from 'fast-check'
import { Subject } from './command.ts'
import { someCommand } from './commands.ts'
import { Model, quota } from './model.ts'
import type { ModelPlace } from './places.ts'

/** The options that the store is opened with. */
export const settings = { limits: { accept: ['*/*'], quota } }

/**
 * Runs random sequences of commands against store and model, about 50 commands each, and shrinks what fails to a
 * readable sequence. Resolves with the number of commands. Without a seed each call uses another.
 */
export async function expectModelled(
  makePlace: () => Promise<ModelPlace>,
  runs: number,
  seed?: number,
): Promise<number> {
  let commands = 0
  const sequence = fc.commands(someCommand, { maxCommands: 100, size: 'max' })
  const property = fc.asyncProperty(sequence, async (run) => {
    const place = await makePlace()
    const subject = await Subject.at(place)
    try {
      await fc.asyncModelRun(() => ({ model: new Model(place.clock), real: subject }), run)
      for (const _command of run) commands += 1
    } finally {
      await subject.blobs.close()
      await place.remove()
    }
  })
  await fc.assert(property, { ...replayed(runs), ...(seed !== undefined && { seed }) })
  return commands
}

/** How often to run a property. `FC_SEED` replays a printed failure, `FC_RUNS` runs it more often. */
export function replayed(runs: number): { numRuns: number; seed?: number } {
  const { FC_SEED: seed, FC_RUNS = runs } = process.env
  return { numRuns: Number(FC_RUNS), ...(seed && { seed: Number(seed) }) }
}

import { Life, type LifeOptions } from './life.ts'
import { World } from './world.ts'

export interface Simulated {
  seed: number
  operations: number
  steps: number
  crashes: number
  faults: number
  /** The same for the same seed, if nothing but the seed decides. */
  fingerprint: string
  /** What went wrong; absent if nothing did. */
  failure?: string
}

/** Runs one life, which its seed decides to the last detail. */
export async function simulate(seed: number, options: LifeOptions, tell?: (line: string) => void): Promise<Simulated> {
  const world = new World(seed)
  return world.live(async () => {
    const life = await Life.begin(world, options)
    const { scheduler } = life
    const begun = world.now
    if (tell) scheduler.tell = (line) => tell(`${((world.now - begun) / 3_600_000).toFixed(2)} h  ${line()}`)
    const failure = await life.run().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error)),
    )
    const { operations, crashes, faults } = life
    const { steps, fingerprint } = scheduler
    return { seed, operations, steps, crashes, faults, fingerprint, ...(failure !== undefined && { failure }) }
  })
}

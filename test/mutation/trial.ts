import { createVitest, type TestModule, type TestSpecification } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The active mutant; none in the first run. */
    mutant: string | null
  }
}

interface TestFile {
  specification: TestSpecification
  milliseconds: number
  /** The mutants that its tests reach. */
  passed: ReadonlySet<string>
}

/** Runs tests against one mutant after another. */
export class Trial {
  readonly #vitest: Awaited<ReturnType<typeof createVitest>>
  #files: TestFile[] = []

  constructor(vitest: Awaited<ReturnType<typeof createVitest>>) {
    this.#vitest = vitest
  }

  /** @throws if a test fails without an active mutant */
  static async begin(folder: string, tests: readonly string[]): Promise<Trial> {
    const vitest = await createVitest({
      ...{
        root: folder,
        config: false,
        watch: false,
        reporters: [{}],
        include: [...tests],
        maxWorkers: 1,
        bail: 1,
        teardownTimeout: 2000,
      },
      ...{ setupFiles: ['test/mutation/setup.ts'], env: { PLACES: 'memory' }, testTimeout: 10_000 },
    })
    const trial = new Trial(vitest)
    await trial.#look()
    return trial
  }

  /** Which tests reach which mutants, and in what time. */
  async #look(): Promise<void> {
    for (const specification of await this.#vitest.globTestSpecifications()) {
      const { module, errors } = await this.#run(specification, null)
      if (errors.length > 0) throw new Error(`${module.moduleId} fails without any mutant: ${errors.join(', ')}`)
      const { passed } = module.meta() as { passed: string[] }
      const { duration, prepareDuration, setupDuration, collectDuration } = module.diagnostic()
      const milliseconds = duration + prepareDuration + setupDuration + collectDuration
      this.#files.push({ specification, milliseconds, passed: new Set(passed) })
    }
    this.#files.sort((one, other) => one.milliseconds - other.milliseconds)
  }

  reaches(id: string): boolean {
    return this.#files.some(({ passed }) => passed.has(id))
  }

  /** Whether a test notices. */
  async kills(id: string): Promise<boolean> {
    for (const { specification, passed } of this.#files) {
      if (passed.has(id) && (await this.#run(specification, id)).errors.length > 0) return true
    }
    return false
  }

  async #run(
    specification: TestSpecification,
    mutant: string | null,
  ): Promise<{ module: TestModule; errors: string[] }> {
    this.#vitest.provide('mutant', mutant)
    const { testModules, unhandledErrors } = await this.#vitest.runTestSpecifications([specification])
    // Those of earlier runs are there as well.
    const module = testModules.find(({ moduleId }) => moduleId === specification.moduleId)
    if (module === undefined) throw new Error(`${specification.moduleId} was not run`)
    const errors = [...module.errors(), ...unhandledErrors].map((error) => (error as Error).message)
    if (!module.ok()) errors.push('a test failed')
    return { module, errors }
  }

  end(): Promise<void> {
    return this.#vitest.close()
  }
}

import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take minutes, the longest first. */
const longest = [
  ...['push/simulation', 'push/model', 'push/fuzz', 'pds/real/import', 'push/crash', 'push/import-killed'],
  ...['push/proxies/proxies', 'push/protocol', 'pds/real/client', 'pds/real/race', 'push/power', 'push/resume'],
  ...['distribution/bundlers', 'crash/every-step', 'cli/cli', 'store/references', 'maintenance/deletion-limit'],
]

/** Begins with the longest files: begun last, one of them would run alone at the end, on one of the cores. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const usual = await super.sort(files)
    return usual.toSorted((one, other) => rankOf(one.moduleId) - rankOf(other.moduleId))
  }
}

function rankOf(path: string): number {
  const rank = longest.findIndex((name) => path.endsWith(`/test/${name}.test.ts`))
  return rank < 0 ? longest.length : rank
}

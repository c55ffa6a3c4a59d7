import type { StoreCommand } from '../command.ts'

/** Opens everything, as the host does, and reads something. */
export const check: StoreCommand = {
  name: 'check',
  summary: 'open everything, and say what is wrong',
  description:
    'Opens the bytes and the database, checks their settings and that they belong together, and looks at some objects. ' +
    'Changes nothing. For all objects there is scrub.',
  options: [],
  examples: [['', 'before and after a change of the configuration']],
  async run(blobs, _given, { signal, warnings }) {
    await blobs.ready()
    const atOpening = [...warnings]
    const { accounts, storedCount } = await blobs.totals()
    const { findings, objects } = await blobs.scrub({ olderThan: 0, limit: 20, signal })
    const problems = [...atOpening, ...findings.map(({ cid, problem }) => `${cid}: ${problem}`)]
    const rows = [
      ['accounts', accounts],
      ['objects stored', storedCount],
      ['objects looked at', objects],
      ['problems', problems.length],
    ] as const
    return { report: { accounts, storedCount, examined: objects, problems }, rows, problems }
  },
}

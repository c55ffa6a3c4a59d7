import type { StoreCommand } from '../command.ts'

/** Opens everything, as the host does, and reads something. */
export const check: StoreCommand = {
  name: 'check',
  purpose: 'look',
  summary: 'open everything, and say what is wrong',
  description:
    'Opens the bytes and the database, checks their settings and that they belong together, and looks at some objects. ' +
    'For all objects there is scrub.',
  changes: 'Notes which objects it has verified, or found damaged. Nothing else: no bytes, no blobs, no tables.',
  options: [],
  examples: [
    ['--disk /srv/blobs --sqlite /srv/blobs.sqlite', 'whether all is well'],
    ['--config blobstore.config.js', 'before and after a change of the host’s own configuration'],
    ['--json', 'for monitoring'],
  ],
  async run(blobs, _given, { signal, warnings }) {
    await blobs.ready()
    const atOpening = [...warnings]
    const { accounts, storedCount } = await blobs.stats()
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

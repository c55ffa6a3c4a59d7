import type { MirrorHealth } from '../../maintenance/health.ts'
import type { StoreCommand } from '../command.ts'

/** Opens everything, as the host does, and reads something. */
export const check: StoreCommand = {
  name: 'check',
  purpose: 'look',
  summary: 'open everything, and report what is wrong',
  description:
    'Opens the bytes and the database, checks their settings and that they belong together, and reads some objects. ' +
    'To read all objects, use scrub.',
  changes: 'Records which objects it has verified or found damaged. It changes no bytes, no blobs and no tables.',
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
    const { mirror } = await blobs.health()
    const problems = [...atOpening, ...findings.map(({ cid, problem }) => `${cid}: ${problem}`), ...problemsOf(mirror)]
    const rows = [
      ['accounts', accounts],
      ['objects stored', storedCount],
      ['objects read', objects],
      ['problems', problems.length],
    ] as const
    return { report: { accounts, storedCount, examined: objects, problems }, rows, problems }
  },
}

const day = 86_400_000

function problemsOf(mirror: MirrorHealth | null): string[] {
  if (!mirror) return []
  if (!mirror.ok) return [`the mirror cannot be used: ${mirror.error}`]
  const { oldest = null, objects = 0 } = mirror.lag ?? {}
  if (oldest === null || oldest < day) return []
  return [`the mirror is behind: ${objects} objects are not there yet, one since ${Math.floor(oldest / day)} days`]
}

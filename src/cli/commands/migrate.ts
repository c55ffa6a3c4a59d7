import { Option } from 'commander'
import type { BackendUse } from '../../metadata/contract/processes.ts'
import { sizeText } from '../amounts.ts'
import type { StoreCommand } from '../command.ts'
import { dryRun, rate, whole, yes } from '../options.ts'

export const migrate: StoreCommand = {
  name: 'migrate',
  purpose: 'move',
  summary: 'move what is stored to another backend, while the host serves',
  description:
    'Copies what is in other backends to the one that is written to, verifies each object by its hash, and switches it. ' +
    'Collecting deletes the old bytes after the delete delay. It may be stopped at any time; the next run continues.\n\n' +
    'First give every process of the host both backends, then let all write to the new one, then run this.',
  changes:
    'Copies to the other backend, and marks the old bytes once the copy is verified. No blob changes for any client.',
  options: [
    new Option('--from <backend>', 'only what is in this backend'),
    whole('--concurrency <n>', 'how many objects are copied at once').default(4),
    rate,
    dryRun,
    yes,
  ],
  examples: [
    [
      '--disk /srv/blobs --s3 s3://pds-blobs --write s3 --sqlite /srv/blobs.sqlite --dry-run',
      'what would move to the bucket',
    ],
    ['--disk /srv/blobs --s3 s3://pds-blobs --write s3 --sqlite /srv/blobs.sqlite --rate 20M', 'move it, slowly'],
    ['--config blobstore.config.js', 'between the backends that the host’s configuration names'],
  ],
  async run(blobs, given, { signal, progress, confirm }) {
    if (given.dryRun !== true) await confirm('Move what this store has to the backend that it writes to?')
    const report = await blobs.migrate({
      from: given.from === undefined ? undefined : [String(given.from)],
      concurrency: Number(given.concurrency),
      bytesPerSecond: given.rate as number | undefined,
      dryRun: given.dryRun === true,
      signal,
      onProgress: ({ examined, objects, bytes }) => progress.show({ objects: examined, of: objects, bytes }),
    })
    const rows = [
      ['objects examined', report.examined],
      [given.dryRun ? 'would move' : 'moved', report.moved],
      ['bytes', sizeText(report.bytes)],
      ['replaced or deleted meanwhile', report.superseded],
      ...Object.entries(report.use).map(([name, use]) => [name, useText(use)] as const),
    ] as const
    const problems = report.findings.map(({ cid, backend, problem }) => `${cid} in ${backend}: ${problem}`)
    return { report, rows, problems }
  },
}

function useText({ content, uploads, doomed, writers }: BackendUse): string {
  const reasons = []
  if (content) reasons.push('it still holds blobs: run this again')
  if (uploads) reasons.push('uploads to it are running')
  if (doomed) reasons.push('old copies wait for the delete delay: run this again after collecting has deleted them')
  if (writers > 0) reasons.push(`processes that write to it: ${writers}`)
  return reasons.length === 0 ? 'no longer needed: leave it out from now on' : `still needed: ${reasons.join('; ')}`
}

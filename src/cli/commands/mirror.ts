import { Option } from 'commander'
import type { MirrorFinding } from '../../maintenance/mirror/run.ts'
import { sizeText } from '../amounts.ts'
import { type StoreCommand, UsageError } from '../command.ts'
import { dryRun, rate, whole, yes } from '../options.ts'

export const mirror: StoreCommand = {
  name: 'mirror',
  purpose: 'order',
  summary: 'copy to the mirror what is not there yet, and verify what is',
  description:
    'Copies bytes to the mirror until nothing is left, each verified by its hash, and compares what the mirror holds with the ' +
    'database. A host whose store has a mirror does the same in the background. It may be stopped at any time; the next run ' +
    'continues.',
  changes:
    'Writes to the mirror. What nothing has needed for 30 days, or as long as the host says, is marked there, and deleted ' +
    'by collecting. In the store it changes no bytes and no blobs.',
  options: [
    whole('--verify-days <n>', 'also read copies that were not verified for this many days, and replace bad ones'),
    whole('--mirror-delay <days>', 'how long the mirror keeps what no account has any more, if the host does not say'),
    new Option('--new', 'begin with an empty mirror, because the one that there was is lost'),
    new Option('--forget', 'give up the mirror, which is not given then; erase it yourself'),
    whole('--concurrency <n>', 'how many objects are copied at once').default(4),
    rate,
    dryRun,
    yes,
  ],
  examples: [
    ['--mirror /mnt/mirror --disk /srv/blobs --sqlite /srv/blobs.sqlite --dry-run', 'how much is not there yet'],
    ['--mirror s3://pds-mirror --rate 20M', 'copy it, slowly'],
    ['--verify-days 30 --mirror-delay 90 --quiet', 'each night, from cron'],
  ],
  async run(blobs, given, { signal, progress, confirm }) {
    const isDry = given.dryRun === true
    if (given.forget === true) {
      if (given.mirror !== undefined) throw new UsageError('--forget gives up the mirror: leave out --mirror')
      if (given.new === true) throw new UsageError('--forget gives up the mirror, --new begins one: give one of them')
      if (isDry) throw new UsageError('--forget has nothing to show before: leave out --dry-run')
      await confirm('Give up the mirror? What is in it stays there, also what was purged', { grave: true })
      return { report: await blobs.mirror({ forget: true, signal }), rows: [['given up', 'the mirror']], problems: [] }
    }
    const begin = given.new === true && !isDry
    if (begin)
      await confirm('Forget what was copied to the former mirror, and begin with an empty one?', { grave: true })
    const days = given.verifyDays as number | undefined
    const report = await blobs.mirror({
      compare: true,
      begin,
      ...(days !== undefined && { verifyOlderThan: days * 86_400_000 }),
      concurrency: Number(given.concurrency),
      bytesPerSecond: given.rate as number | undefined,
      dryRun: isDry,
      signal,
      onProgress: ({ examined, waiting, bytes }) =>
        progress.show({ objects: examined, of: Math.max(examined, waiting), bytes }),
    })
    const rows = [
      ['waiting to be copied', report.waiting],
      ['their bytes', sizeText(report.waitingBytes)],
      ...(isDry
        ? []
        : ([
            ['copied', report.copied],
            ['bytes copied', sizeText(report.bytes)],
            ...(days === undefined ? [] : [['copies verified', report.verified] as const]),
            ['not needed for long, marked', report.deleted],
          ] as const)),
    ] as const
    return { report, rows, problems: report.findings.map(problemOf) }
  },
}

function problemOf({ cid, problem, error }: MirrorFinding): string {
  const what = {
    missing: 'its bytes are missing in the backend, and not in the mirror',
    damaged: 'its bytes are damaged in the backend, and not in the mirror',
    copyDamaged: 'its copy was damaged, missing or unreadable, and is made again',
    failed: `could not be copied: ${error?.message}`,
  }
  return `${cid}: ${what[problem]}`
}

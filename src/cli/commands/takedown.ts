import { Option } from 'commander'
import type { BlobCid } from '../../blob/cid.ts'
import type { BlobStore } from '../../blob-store.ts'
import { accountOrAll, accountOrAllArgument, by, cidArgument, cidIn, textOf, whose } from '../blob-arguments.ts'
import type { StoreCommand } from '../command.ts'
import { yes } from '../options.ts'

export const takedown: StoreCommand = {
  name: 'takedown',
  purpose: 'moderate',
  summary: 'hide a blob of one account, or of all',
  description:
    "Hides a blob of one account or, with '*', of all, from everybody but moderators, and refuses further uploads of it. " +
    'It can be reversed. The bytes stay: to delete illegal content, use purge. Hosts that are running purge their caches ' +
    'within a minute. Called again, it replaces --ref and --by. Of a quarantined blob it is the decision to refuse it for ' +
    'good.',
  changes: 'Hides the blob. It deletes nothing.',
  arguments: [accountOrAllArgument, cidArgument],
  options: [new Option('--ref <text>', 'your own note: a case number'), by, yes],
  examples: [
    ["'*' bafkrei… --ref 'case 17' --disk /srv/blobs --sqlite /srv/blobs.sqlite", 'of all accounts'],
    ['did:plc:… bafkrei… --ref "case 17" --by mod@example.com --yes', 'of one account, from a script'],
  ],
  async run(blobs, given, { signal, confirm }) {
    const [did, cid] = [accountOrAll(given), cidIn(given)]
    await confirm(`Hide ${cid} of ${whose(did)} in this store?`)
    const [ref, by] = [textOf(given.ref), textOf(given.by)]
    await blobs.takedown(did, cid, { ref, by, signal })
    const held = await isHeld(blobs, did, cid, signal)
    const rows = [
      ['hidden', cid],
      ['of', whose(did)],
    ] as const
    const notes = held ? [] : ['No such blob is stored now. Uploads of it are refused. Is the CID the right one?']
    return { report: { did, cid, ref: ref ?? null, by: by ?? null, held }, rows, problems: [], notes }
  },
}

export const reverseTakedown: StoreCommand = {
  name: 'reverse-takedown',
  purpose: 'moderate',
  summary: 'undo a takedown, or release what is quarantined',
  description:
    "Undoes a takedown of the same account, or of '*', or releases a quarantined blob. That there was none is a problem, " +
    'and so is another takedown that still hides the blob: exit status 3. What was purged can be uploaded again.',
  changes: 'Shows the blob again to all who could see it before.',
  arguments: [accountOrAllArgument, cidArgument],
  options: [yes],
  examples: [
    ["'*' bafkrei… --disk /srv/blobs --sqlite /srv/blobs.sqlite", 'of all accounts'],
    ['did:plc:… bafkrei… --yes', 'of one account, from a script'],
  ],
  async run(blobs, given, { signal, confirm }) {
    const [did, cid] = [accountOrAll(given), cidIn(given)]
    await confirm(`Show ${cid} of ${whose(did)} in this store again?`)
    const report = await blobs.reverseTakedown(did, cid, { signal })
    const rows = [
      ['takedown reversed', report.reversed ? 'yes' : 'no'],
      ['still hidden', report.stillTakenDown ? 'yes' : 'no'],
    ] as const
    const problems = report.reversed ? [] : [`There was no takedown of ${cid} for ${whose(did)}`]
    if (report.stillTakenDown) problems.push(did === '*' ? stillOfOne(cid) : stillOfAll(cid))
    return { report, rows, problems }
  },
}

const stillOfAll = (cid: string): string =>
  `It stays hidden by a takedown of all accounts. To undo that: pds-blobstore reverse-takedown '*' ${cid}`
const stillOfOne = (cid: string): string =>
  `Some accounts have takedowns of their own, which hide it there: pds-blobstore show ${cid} lists them`

/** Whether the account, or with `*` any, has the blob. */
export async function isHeld(blobs: BlobStore, did: string, cid: BlobCid, signal: AbortSignal): Promise<boolean> {
  if (did !== '*') return (await blobs.stat(did, cid, { as: 'moderator', signal })) !== null
  return (await blobs.listHolders(cid, { limit: 1, signal })).items.length > 0
}

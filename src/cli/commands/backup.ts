import { Option } from 'commander'
import { sizeText } from '../amounts.ts'
import type { StoreCommand } from '../command.ts'

export const backup: StoreCommand = {
  name: 'backup',
  purpose: 'order',
  summary: 'copy the metadata’s SQLite file, while the host serves',
  description:
    'Copies the SQLite file that --sqlite names, as it is at one moment, while the host may write to it. The copy gets its ' +
    'name when it is complete and on the disk, and a later restore of it is noticed. Copy the bytes after it.\n\n' +
    'Back up PostgreSQL, or a database that also contains the host’s records, by its own means.',
  changes: 'Writes the copy, readable by its owner only. In the store it begins a new epoch, as every opening does.',
  options: [
    new Option('--to <file>', 'the copy').makeOptionMandatory(),
    new Option('--overwrite', 'replace an existing file, once the copy is complete'),
  ],
  examples: [
    ['--to /backup/blobs.sqlite --disk /srv/blobs --sqlite /srv/blobs.sqlite', 'a first copy'],
    ['--to /backup/blobs.sqlite --overwrite --quiet', 'each night, from cron'],
  ],
  async run(blobs, given, { signal, progress }) {
    const report = await blobs.backup(String(given.to), {
      overwrite: given.overwrite === true,
      signal,
      onProgress: ({ pages, of }) => progress.show({ objects: pages, of }),
    })
    return { report, rows: [['copied', sizeText(report.bytes)]], problems: [] }
  },
}

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { yes } from '../../src/cli/options.ts'
import { commands } from '../../src/cli/program.ts'
import { storeName } from '../../src/cli/store-name.ts'
import { type CliPlace, cli, filled, program, ran } from './run-cli.ts'

// A forgotten variable in the environment once sent a test run's `collect` to production.

const entry = join(import.meta.dirname, '../../dist/index.js')

/** A module that exports this store. */
function configOf(place: CliPlace): string {
  const file = join(place.folder, 'store.mjs')
  writeFileSync(
    file,
    `import { createBlobStore, DiskBackend, sqliteMetadata } from ${JSON.stringify(entry)}
     export default () => createBlobStore({
       backend: new DiskBackend({ root: ${JSON.stringify(place.root)} }),
       metadata: sqliteMetadata(${JSON.stringify(place.database)}),
     })`,
  )
  return file
}

const count = async (place: CliPlace) => (await place.json('stats')).count

describe('which store the command line means', () => {
  // Fails when `chosenPlace` no longer ignores BLOBSTORE_CONFIG.
  test('is what the options say, whatever the environment says', async () => {
    const [production, trial] = [await filled(), await filled()]
    const forgotten = { BLOBSTORE_CONFIG: configOf(production) }
    const run = await cli(['collect', ...trial.named], forgotten)
    expect(run).toMatchObject({ status: 0, stderr: trial.line })
    expect([await count(production), await count(trial)]).toEqual([2, 1])

    // Fails when one of two exclusive options does not override the other's variable.
    const others = {
      BLOBSTORE_S3: 's3://production',
      BLOBSTORE_WRITE: 's3',
      BLOBSTORE_POSTGRES: 'postgres://localhost:1/production',
    }
    expect(await cli(['stats', ...trial.named], others)).toMatchObject({ status: 0 })
    expect(await cli(['stats', '--disk', trial.root], { BLOBSTORE_SQLITE: trial.database })).toMatchObject({
      status: 0,
    })
    expect(await cli(['stats', '--config', configOf(trial)], { BLOBSTORE_DISK: production.root })).toMatchObject({
      status: 0,
    })
  })

  test('is an error, not a guess, if two are given', async () => {
    const place = await filled()
    const config = configOf(place)
    const both = await cli(['collect', '--config', config, '--disk', place.root])
    expect(both).toMatchObject({ status: 2, stderr: expect.stringMatching(/^Give either --config or --disk/) })
    const variables = { BLOBSTORE_CONFIG: config, BLOBSTORE_DISK: place.root, BLOBSTORE_SQLITE: place.database }
    expect(await cli(['collect'], variables)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^BLOBSTORE_CONFIG and BLOBSTORE_DISK, BLOBSTORE_SQLITE are both set/),
    })
    expect(await cli(['stats'], { ...variables, BLOBSTORE_CONFIG: '' })).toMatchObject({ status: 0 })
    expect(await count(place)).toBe(2)
  })

  // Fails when `named` or `grave` is ignored.
  test('is asked about, and without a terminal must be given by name', async () => {
    const place = await filled()
    const variables = { BLOBSTORE_DISK: place.root, BLOBSTORE_SQLITE: place.database }
    for (const command of ['collect', 'sweep']) {
      const refused = await cli([command], variables)
      expect(refused).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('Add --yes') })
      expect(refused.stderr.startsWith(place.line)).toBe(true)
      expect(await count(place)).toBe(2)
    }
    for (const grave of [['collect', '--force'], ['sweep', '--force'], ['recover']]) {
      expect(await place.cli(...grave)).toMatchObject({ status: 2, stderr: expect.stringContaining('Add --yes') })
    }
    expect(await cli(['sweep', '--dry-run'], variables)).toMatchObject({ status: 0, stderr: place.line })
    expect(await cli(['sweep'], { BLOBSTORE_SQLITE: place.database, BLOBSTORE_CONFIG: '' })).toMatchObject({
      status: 2,
    })
    expect(await cli(['collect', '--yes', '--quiet'], variables)).toMatchObject({ status: 0, stderr: '' })
    expect(await count(place)).toBe(1)
  })

  // Fails when the answer is ignored. Uses `script`, which gives the command a terminal.
  test.runIf(process.platform === 'linux')('is asked about on a terminal, even if given by name', async () => {
    const place = await filled()
    const command = [process.execPath, program, 'collect', ...place.named].map((word) => `'${word}'`).join(' ')
    const answered = (answer: string) =>
      ran('script', ['--quiet', '--return', '--command', command, '/dev/null'], {}, `${answer}\n`)
    for (const no of ['n', '', 'what']) {
      const { status, stdout } = await answered(no)
      expect({ status, stdout }).toEqual({ status: 2, stdout: expect.stringContaining('Nothing was done') })
      expect(stdout.replaceAll(/\s+/g, ' ')).toContain(place.line.trim())
      expect(await count(place)).toBe(2)
    }
    expect(await answered('y')).toMatchObject({ status: 0 })
    expect(await count(place)).toBe(1)
  })

  test('is printed first by every command that changes what is stored', () => {
    const asking = commands.filter(({ options }) => options.includes(yes)).map(({ name }) => name)
    expect(asking).toEqual([
      ...['takedown', 'reverse-takedown', 'purge', 'delete-account', 'reopen-account'],
      ...['collect', 'sweep', 'mirror', 'heal', 'recover', 'migrate', 'import'],
    ])
  })

  test('is printed without passwords', () => {
    const place = { backends: { disk: '/srv/blobs', s3: undefined }, metadata: undefined }
    const names = [
      { s3: 's3://pds-blobs/blobs', postgres: 'postgres://pds:secret@db.example:5433/pds?password=secret' },
      {
        disk: '/srv/blobs',
        s3: 's3://b',
        s3Endpoint: 'https://key:secret@r2.example',
        postgres: 'host=db password=secret',
      },
      { config: '/srv/store.mjs', sqlite: 'ignored' },
    ].map((given) => storeName(given, { place }))
    expect(names).toEqual([
      'bytes in s3://pds-blobs/blobs, metadata in postgres://pds@db.example:5433/pds',
      'bytes in /srv/blobs and s3://b at r2.example, metadata in a PostgreSQL database',
      'bytes in /srv/blobs and the backend s3, metadata in a database of its own, as /srv/store.mjs says',
    ])
  })
})

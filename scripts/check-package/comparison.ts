import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { assertNone, type Check, project, run, type Workshop } from './workshop.ts'

/** What docs/comparison.md says of each package, as words of its code that are there, or are not. */
const claims: Readonly<Record<string, { file: string; has: string[]; hasNot: string[] }[]>> = {
  '@atproto/pds': [
    { file: 'dist/disk-blobstore.js', has: ['fs.writeFile(storedPath', 'getQuarantinePath'], hasNot: ['sync('] },
    {
      file: 'dist/actor-store/blob/transactor.js',
      has: ['verifyBlobAndMakePermanent', 'backgroundQueue.add'],
      hasNot: [],
    },
  ],
  '@atproto/aws': [{ file: 'dist/s3.js', has: ['blocks/$', 'copyObject', 'quarantine'], hasNot: [] }],
  'blockstore-fs': [{ file: 'dist/src/index.js', has: ["from 'steno'"], hasNot: ['sync(', 'hash'] }],
  cacache: [
    { file: 'lib/content/write.js', has: ['moveFile', 'ssri.fromData'], hasNot: ['sync('] },
    { file: 'lib/content/read.js', has: ['checkData'], hasNot: [] },
    { file: 'lib/verify.js', has: ['garbageCollect', 'verifyContent'], hasNot: [] },
  ],
  '@tus/file-store': [
    {
      file: 'dist/index.js',
      has: ['createWriteStream', 'deleteExpired', 'info.size !== info.offset'],
      hasNot: ['sync(', 'createHash'],
    },
  ],
  flydrive: [
    {
      file: 'build/chunk-KYJJJH3D.js',
      has: ['fsp.writeFile(location', 'getSignedUploadUrl'],
      hasNot: ['fsync', 'createHash'],
    },
  ],
  unstorage: [
    {
      file: 'drivers/utils/node-fs.mjs',
      has: ['fsPromises.writeFile(path'],
      hasNot: ['fsync', 'rename', 'createHash'],
    },
  ],
}

export const comparison: Check = {
  name: 'docs/comparison.md says what the code of the compared packages does, in the versions that it names',
  async run(workshop) {
    const page = readFileSync(join(project, 'docs/comparison.md'), 'utf8')
    const rows = [...page.matchAll(/^\| `(?<name>[^`]+)`[^|]*\| (?<version>\d+\.\d+\.\d+) \|/gm)]
    const versions = new Map(rows.map(({ groups: { name = '', version = '' } = {} }) => [name, version]))
    assertNone(
      'Compared, but without claims in scripts/check-package/comparison.ts, or the other way round',
      [...new Set([...versions.keys(), ...Object.keys(claims)])].filter(
        (name) => !versions.has(name) || !(name in claims),
      ),
    )
    const wrong = await Promise.all([...versions].map(([name, version]) => wrongClaims(workshop, name, version)))
    assertNone('Not what the code says. Read it again, and correct the page', wrong.flat())
    return [...versions].map(([name, version]) => `${name} ${version}`).join(', ')
  },
}

async function wrongClaims({ folder }: Workshop, name: string, version: string): Promise<string[]> {
  const packed = await run('npm', ['pack', `${name}@${version}`, '--json', '--pack-destination', folder], folder)
  const [{ filename = '' }] = Object.values(JSON.parse(packed) as { filename?: string }[]) as [{ filename?: string }]
  const to = join(folder, `compared-${name.replace('/', '-')}`)
  await run('sh', ['-c', `mkdir '${to}' && tar -xzf '${filename}' -C '${to}' --strip-components=1`], folder)
  return (claims[name] ?? []).flatMap(({ file, has, hasNot }) => {
    const code = readFileSync(join(to, file), 'utf8')
    return [
      ...has
        .filter((words) => !code.includes(words))
        .map((words) => `${name} ${version}: ${file} does not have ${words}`),
      ...hasNot.filter((words) => code.includes(words)).map((words) => `${name} ${version}: ${file} has ${words}`),
    ]
  })
}

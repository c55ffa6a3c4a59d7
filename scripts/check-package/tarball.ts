import { assertNone, type Check, manifest } from './workshop.ts'

/** In bytes. To be raised on purpose, in a commit that says why. */
const budget = { packed: 1_600_000, unpacked: 5_300_000 } // with the manual and the examples

const expected = [
  /^dist\/[\w./-]+\.(?:m?js|d\.ts|js\.map)$/,
  /^(?:README\.md|LICENSE|(?:CHANGELOG|SECURITY)\.md|package\.json)$/,
  /^docs\/[\w./-]+\.(?:md|svg|png)$/,
  /^examples\/(?![^/]+\/node_modules\/)[\w./-]+(?<!package-lock\.json)$/,
]

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`

export const content: Check = {
  name: 'the tarball contains what was built, the manual, the examples, the licence and the changes, within its budget',
  async run({ files, size }) {
    assertNone(
      'Not for hosts',
      files.map(({ path }) => path).filter((path) => !expected.some((kind) => kind.test(path))),
    )
    for (const path of [
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'dist/cli.js',
      'docs/README.md',
      'examples/shutdown.ts',
    ]) {
      if (!files.some((file) => file.path === path)) throw new Error(`${path} is missing`)
    }
    for (const kind of ['packed', 'unpacked'] as const) {
      if (size[kind] <= budget[kind]) continue
      throw new Error(`${megabytes(size[kind])} ${kind}, where ${megabytes(budget[kind])} are allowed`)
    }
    return `${files.length} files, ${megabytes(size.packed)}, unpacked ${megabytes(size.unpacked)}`
  },
}

const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'preprepare', 'postprepare']

export const installScripts: Check = {
  name: 'the package runs nothing when it is installed',
  async run({ files }) {
    assertNone(
      'Scripts that would run on the host',
      hooks.filter((name) => name in manifest.scripts),
    )
    // npm runs node-gyp for a package with such a file, without any script.
    assertNone(
      'Builds on the host',
      files.map(({ path }) => path).filter((path) => path.endsWith('binding.gyp')),
    )
    return 'no scripts'
  },
}

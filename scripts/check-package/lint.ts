import { type Check, entries, manifest, runTool } from './workshop.ts'

export const publint: Check = {
  name: 'publint finds nothing',
  async run({ tarball }) {
    await runTool('publint', 'run', tarball, '--strict')
    return 'strict'
  },
}

interface Analysis {
  analysis: { entrypoints: Record<string, unknown> }
  problems?: Record<string, { entrypoint?: string }[]>
}

export const types: Check = {
  name: 'the types of every entry are found (attw)',
  async run({ tarball }) {
    const { analysis } = JSON.parse(
      await runTool('attw', tarball, '--profile', 'esm-only', '--format', 'json'),
    ) as Analysis
    const seen = Object.keys(analysis.entrypoints).map((path) => manifest.name + path.slice(1))
    const unseen = entries.filter((entry) => !seen.includes(entry))
    if (unseen.length > 0) throw new Error(`attw did not check ${unseen.join(', ')}`)
    return `${entries.length} entries`
  },
}

export const unused: Check = {
  name: 'nothing is unused: files, exports, dependencies (knip)',
  async run() {
    await runTool('knip')
    return 'clean'
  },
}

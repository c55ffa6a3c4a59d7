import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { assertNone, type Check, project } from './workshop.ts'

/** For contributors, who have the repository: its sources and tests are not in the package. */
const inRepository = /^(?:src|test|scripts|bench)\/|^CONTRIBUTING\.md$/
const forContributors: ReadonlySet<string> = new Set([
  'README.md',
  'docs/architecture.md',
  'docs/benchmarks.md',
  'docs/reliability.md',
  'docs/protocol.md',
])

export const links: Check = {
  name: 'every link of the manual leads to a file of the package',
  async run({ files }) {
    const paths = files.map(({ path }) => path)
    const isThere = (target: string) => paths.some((path) => path === target || path.startsWith(`${target}/`))
    const found = paths.filter((path) => path.endsWith('.md')).flatMap(linksOf)
    const dead = found.filter(({ from, to }) => !isThere(to) && !(inRepository.test(to) && forContributors.has(from)))
    assertNone(
      'Dead for who installs the package',
      dead.map(({ from, to }) => `${from}: ${to}`),
    )
    return `${found.length} links`
  },
}

function linksOf(from: string): { from: string; to: string }[] {
  const text = readFileSync(join(project, from), 'utf8')
  return [...text.matchAll(/\]\((?<target>[^)\s#]+)(?:#[^)\s]*)?\)/g)]
    .map(({ groups }) => groups?.target ?? '')
    .filter((target) => !/^https?:/.test(target))
    .map((target) => ({ from, to: normalize(join(dirname(from), target)).replace(/\/$/, '') }))
}

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { assertNone, type Check, manifest, project } from './workshop.ts'

interface Step {
  id?: string
  uses?: string
  run?: string
  with?: Record<string, unknown>
}

interface Job {
  uses?: string
  needs?: string | string[]
  if?: string
  permissions?: Record<string, string>
  steps?: Step[]
}

interface Workflow {
  permissions?: unknown
  jobs: Record<string, Job>
}

const pinned = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/

export const workflows: Check = {
  name: 'the workflows: actions pinned by their commit, no rights by default; a release has provenance, SBOM, image, website',
  async run() {
    const files = globSync('.github/workflows/*.yml', { cwd: project }).sort()
    const all = files.map((file): [string, Workflow] => [file, parse(readFileSync(join(project, file), 'utf8'))])
    const actions = all.flatMap(([file, { jobs }]) =>
      Object.values(jobs).flatMap(({ uses, steps = [] }) =>
        [uses, ...steps.map((step) => step.uses)].filter((name) => name !== undefined).map((name) => ({ file, name })),
      ),
    )
    assertNone(
      'Not pinned. Give the commit of the version, and the version in a comment',
      actions
        .filter(({ name }) => !name.startsWith('./') && !pinned.test(name))
        .map(({ file, name }) => `${file}: ${name}`),
    )
    assertNone(
      'Must have `permissions: {}` at the top, so that each job asks for its own',
      all.filter(([, { permissions }]) => JSON.stringify(permissions) !== '{}').map(([file]) => file),
    )
    assertNone(
      'Missing in .github/workflows/release.yml',
      missingIn(all.find(([file]) => file.endsWith('release.yml'))?.[1]),
    )
    return `${actions.length} uses of actions in ${files.length} files`
  },
}

/** What a release must do, and does not. */
function missingIn(release: Workflow | undefined): string[] {
  const { jobs = {} } = release ?? {}
  const { test, release: publish, image, site } = jobs
  const runs = (job: Job | undefined, what: string) => job?.steps?.some(({ run = '' }) => run.includes(what)) ?? false
  const afterPublishing = (job: Job | undefined) =>
    [job?.needs].flat().includes('release') && job?.if?.includes('published')
  const rules: Record<string, unknown> = {
    'the tests, before publishing':
      test?.uses === './.github/workflows/ci.yml' && [publish?.needs].flat().includes('test'),
    'id-token: write, for provenance': publish?.permissions?.['id-token'] === 'write',
    'npm run release, which checks the package': publish?.steps?.some(
      (step) => step.with?.publish === 'npm run release',
    ),
    'check:package in npm run release': manifest.scripts.release?.startsWith('npm run check:package &&'),
    'npm run sbom, and its upload to the release':
      runs(publish, 'npm run --silent sbom') && runs(publish, 'gh release upload'),
    'the image of the command line, after publishing':
      afterPublishing(image) && runs(image, 'docker build') && runs(image, 'docker push'),
    'the website, after publishing': afterPublishing(site) && runs(site, 'npm run docs:site'),
    'the rights for the website': site?.permissions?.pages === 'write' && site.permissions['id-token'] === 'write',
  }
  return Object.keys(rules).filter((rule) => !rules[rule])
}

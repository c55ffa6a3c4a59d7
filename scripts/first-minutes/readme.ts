import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { project } from '../check-package/workshop.ts'

/** What the README's first section tells newcomers to do. */
export interface FirstMinutes {
  /** Files to save, by name. */
  files: Readonly<Record<string, string>>
  /** Commands to run, in order. */
  commands: readonly string[]
  /** What `example.mts` must print. */
  output: string
  /** The address at which the picture must be served. */
  address: string
  /** The picture that the example stores. */
  picture: Buffer
}

/** Reads it from the README, so that it cannot differ. @throws if a part is missing */
export function firstMinutes(): FirstMinutes {
  const readme = readFileSync(join(project, 'README.md'), 'utf8')
  const section = /^## The first five minutes\n(?<text>[\s\S]*?)^## /m.exec(readme)?.groups?.text ?? ''
  const found = (what: string, pattern: RegExp): string => {
    const [, text] = pattern.exec(section) ?? []
    if (text === undefined) throw new Error(`The README's first section has no ${what}`)
    return text
  }
  const named = [...section.matchAll(/^```ts (?:run )?file=(?<name>\S+)\n(?<code>[\s\S]*?)^```$/gm)]
  const files = Object.fromEntries(named.map(({ groups }) => [groups?.name, groups?.code]))
  return {
    files: { ...files, 'tsconfig.json': found('tsconfig.json', /^```json\n([\s\S]*?)^```$/m) },
    commands: [
      ...[...section.matchAll(/^```sh\n(?<lines>(?!curl)[\s\S]*?)^```$/gm)].flatMap(
        ({ groups }) => groups?.lines?.trim().split('\n') ?? [],
      ),
      found('packages for types', /`(npm install --save-dev [^`]+)`/),
      found('compiler', /`(npx tsc)`/),
    ],
    output: found('output', /^```text\n([\s\S]*?)^```$/m),
    address: found('address of the picture', /<(http:\/\/localhost:2583\/[^>]+)>/),
    picture: Buffer.from(found('picture', /Buffer\.from\('([^']+)', 'base64'\)/), 'base64'),
  }
}

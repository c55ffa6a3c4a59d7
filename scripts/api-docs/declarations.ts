import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Something that an entry exports: its comment, and its declaration as the compiler wrote it. */
export interface Declaration {
  name: string
  kind: 'class' | 'const' | 'function' | 'interface' | 'type'
  /** Without the stars. */
  comment: string
  /** Overloads one behind the other. */
  code: string
}

const comment = String.raw`(?<comment>\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?`
const head = String.raw`(?:export )?(?:declare )?(?:abstract )?(?<kind>class|const|function|interface|type) (?<name>\w+)`
// The compiler begins a declaration in the first column, and nothing else but its end.
const declaration = new RegExp(String.raw`^${comment}(?<code>${head}[^\n]*(?:\n(?:[ \t][^\n]*|[})\]>][^\n]*))*)`, 'gm')
const reExport = /^export (?:type )?\{(?<names>[^}]*)\} from '(?<from>[^']+)';$/gm

/** What a file of declarations exports, in its order; re-exported things where they are declared. */
export function exportsOf(file: string): Declaration[] {
  const text = readFileSync(file, 'utf8')
  const found = [...text.matchAll(reExport)].flatMap((match) => {
    const { names = '', from = '' } = match.groups ?? {}
    const inner = exportsOf(join(file, '..', from.replace(/\.ts$/, '.d.ts')))
    const wanted = names.split(',').map((name) => name.replace('type ', '').trim())
    return wanted.filter((name) => name !== '').flatMap((name) => inner.filter((one) => one.name === name))
  })
  return [...found, ...declarationsIn(text)]
}

function declarationsIn(text: string): Declaration[] {
  const byName = new Map<string, Declaration>()
  for (const { groups } of text.matchAll(declaration)) {
    const { name = '', kind = '', comment = '', code = '' } = groups ?? {}
    if (!code.startsWith('export')) continue
    const before = byName.get(name)
    if (before) before.code += `\n${tidy(code)}`
    else byName.set(name, { name, kind: kind as Declaration['kind'], comment: withoutStars(comment), code: tidy(code) })
  }
  return [...byName.values()]
}

const tidy = (code: string): string =>
  code
    .replaceAll(/^export (?:declare )?/gm, '')
    .replaceAll(/^ {4}#private;\n/gm, '')
    // A base that no entry exports: whose methods these are stands in the interface.
    .replaceAll(/ extends RemoteBackend(?= implements )/g, '')
    .replaceAll(/^( {4})+/gm, (indent) => ' '.repeat(indent.length / 2))

const withoutStars = (text: string): string =>
  text
    .replaceAll(/^\/\*\*\s?|\s?\*\/$/gm, '')
    .replaceAll(/^ *\* ?/gm, '')
    .trim()

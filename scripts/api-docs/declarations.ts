import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Something that an entry exports: its comment, and its declaration as the compiler wrote it. */
export interface Declaration {
  name: string
  kind: 'class' | 'const' | 'function' | 'interface' | 'type'
  /** Without the stars. */
  comment: string
  /** Overloads, one after the other. */
  code: string
}

const comment = String.raw`(?<comment>\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?`
const head = String.raw`(?:export )?(?:declare )?(?:abstract )?(?<kind>class|const|function|interface|type) (?<name>\w+)`
// In compiler output, only the beginning and the end of a declaration are in the first column.
const declaration = new RegExp(String.raw`^${comment}(?<code>${head}[^\n]*(?:\n(?:[ \t][^\n]*|[})\]>][^\n]*))*)`, 'gm')
const reExport = /^export (?:type )?\{(?<names>[^}]*)\} from '(?<from>[^']+)';$/gm

/** The exports of a declaration file, in order; re-exports are resolved. */
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
    // A base class that no entry exports: the interface documents its methods.
    .replaceAll(/ extends RemoteBackend(?= implements )/g, '')
    .replaceAll(/^( {4})+/gm, (indent) => ' '.repeat(indent.length / 2))

const withoutStars = (text: string): string =>
  text
    .replaceAll(/^\/\*\*\s?|\s?\*\/$/gm, '')
    .replaceAll(/^ *\* ?/gm, '')
    .trim()

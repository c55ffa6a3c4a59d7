import { join } from 'node:path'
import { entries, manifest, project } from '../check-package/workshop.ts'
import { type Declaration, exportsOf } from './declarations.ts'

/** The purpose of each entry. */
const summaries: Record<string, string> = {
  'pds-blobstore': 'The store, its backends and metadata, and helpers for blobs.',
  'pds-blobstore/http': 'The XRPC methods from `Request` to `Response`: [HTTP](../http.md).',
  'pds-blobstore/express': 'The XRPC methods for Express 5 and 4, and for `node:http`: [HTTP](../http.md).',
  'pds-blobstore/inspect':
    'What looks at uploads before they are acknowledged: [Inspection](../uploads-and-limits.md#inspection).',
  'pds-blobstore/privacy':
    'Takes places and other private data out of uploaded pictures: [Private data](../privacy.md).',
  'pds-blobstore/tus': 'Resumable uploads over tus, for Express and `node:http`: [Resumable uploads](../resumable.md).',
  'pds-blobstore/s3': 'Bytes in S3: [Backends](../backends.md#s3backend). Needs `@aws-sdk/client-s3`.',
  'pds-blobstore/object-backend':
    'Bytes in any service that stores them under names: [Writing a backend](../writing-a-backend.md).',
  'pds-blobstore/images':
    'Thumbnails, avatars and dimensions, generated in separate processes: [Images](../images.md). Needs `sharp`.',
  'pds-blobstore/pds': 'The store in `@atproto/pds`: [In today’s PDS](../adopting.md).',
  'pds-blobstore/import': 'Imports the blobs of another PDS: [Importing](../importing.md).',
  'pds-blobstore/export': 'Exports blobs: [Importing and exporting](../importing.md).',
  'pds-blobstore/metrics': 'Numbers for Prometheus: [Monitoring](../monitoring.md#metrics).',
  'pds-blobstore/testing':
    'For tests: [Testing your PDS](../testing.md), [Writing a backend](../writing-a-backend.md).',
}

export interface ApiPage {
  /** Within docs/api. */
  file: string
  text: string
}

/** The whole reference, from the type declarations of `npm run build`. */
export function apiPages(): ApiPage[] {
  const pages = entries.map((entry) => {
    const path = entry.slice(manifest.name.length).replace('/', '')
    const declarations = exportsOf(join(project, 'dist', `${path || 'index'}.d.ts`))
    return { entry, file: `${path || 'index'}.md`, declarations }
  })
  const rows = pages.map(({ entry, file, declarations }) => {
    const names = declarations.filter(isValue).map(({ name }) => `[\`${name}\`](${file}#${name.toLowerCase()})`)
    return `| [\`${entry}\`](${file}) | ${names.join(', ') || 'types'} |`
  })
  const head = `# API reference\n\n${generated}\n\nWhat each entry exports besides types:\n\n| entry | |\n|---|---|\n`
  return [
    { file: 'README.md', text: `${head}${rows.join('\n')}\n` },
    ...pages.map(({ entry, file, declarations }) => ({ file, text: pageOf(entry, declarations) })),
  ]
}

const generated =
  'Generated from the types by `npm run docs:api`. Their comments are the contract; the pages of the [manual](../README.md) explain.'

const isValue = ({ kind }: Declaration): boolean => kind !== 'interface' && kind !== 'type'

function pageOf(entry: string, declarations: readonly Declaration[]): string {
  const [values, types] = [declarations.filter(isValue), declarations.filter((one) => !isValue(one))]
  const taken = new Set(values.map(({ name }) => name.toLowerCase()))
  const ofTypes = indexOf(types, (anchor) => (taken.has(anchor) ? `${anchor}-1` : anchor)) // as GitHub counts them
  const parts = [`# \`${entry}\``, summaries[entry] ?? '', generated, indexOf(values), ofTypes]
  return `${[...parts, ...[...values, ...types].map(sectionOf)].filter((part) => part !== '').join('\n\n')}\n`
}

const indexOf = (declarations: readonly Declaration[], anchorOf = (anchor: string): string => anchor): string =>
  declarations.map(({ name }) => `[\`${name}\`](#${anchorOf(name.toLowerCase())})`).join(' · ')

function sectionOf({ name, comment, code }: Declaration): string {
  const { text, throws, example } = partsOf(comment)
  return [
    `## ${name}`,
    text,
    `\`\`\`ts\n${code}\n\`\`\``,
    throws === '' ? '' : `Throws ${throws}`,
    example === '' ? '' : `For example:\n\n${example}`,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

/** A comment's text, and what its tags say. */
function partsOf(comment: string): { text: string; throws: string; example: string } {
  const [text = '', ...tags] = comment.split(/^@/m)
  const tag = (name: string): string =>
    tags
      .filter((one) => one.startsWith(name))
      .map((one) => one.slice(name.length).trim())
      .join(', ')
  return { text: withoutLinks(text.trim()), throws: withoutLinks(tag('throws')), example: tag('example') }
}

const withoutLinks = (text: string): string => text.replaceAll(/\{@link (\w+)\}/g, '`$1`')

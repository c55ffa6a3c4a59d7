/** Types outside `text/` whose files are text, by their registration or by common use. */
const applications: ReadonlySet<string> = new Set(
  [
    'csv ecmascript graphql javascript json json5 jsonl jwt mbox n-quads n-triples ndjson node pem-certificate-chain',
    'pgp-encrypted pgp-keys pgp-signature postscript relax-ng-compact-syntax rtf sdp sparql-query sql srgs toml trig',
    'typescript vnd.apple.mpegurl vnd.dart wsdl x-asciidoc x-ass x-awk x-bibtex x-csh x-csv x-desktop x-gettext',
    'x-httpd-php x-ipynb x-javascript x-json x-jsonlines x-latex x-lua x-matlab x-mpegurl x-ms-regedit x-ndjson x-nzb',
    'x-pem-file x-perl x-php x-powershell x-python x-ruby x-sed x-sh x-shellscript x-sql x-ssa x-subrip x-tcl x-tex',
    'x-texinfo x-toml x-troff x-troff-man x-troff-ms x-typescript x-yaml xml xml-dtd xml-external-parsed-entity yaml',
  ].flatMap((line) => line.split(' ').map((name) => `application/${name}`)),
)

const others: ReadonlySet<string> = new Set([
  'audio/mpegurl',
  'audio/x-mpegurl',
  'audio/x-scpls',
  'image/vnd.dxf',
  'image/x-portable-anymap',
  'image/x-portable-bitmap',
  'image/x-portable-graymap',
  'image/x-portable-pixmap',
  'image/x-xbitmap',
  'image/x-xpixmap',
  'message/global',
  'message/rfc822',
  'model/iges',
  'model/mtl',
  'model/obj',
  'model/step',
  'model/vrml',
])

const suffix = /\+(?:json|xml|yaml|json-seq)$/

/** Whether files of the type are text. `mimeType` is as `parseMimeType` returns it. */
export function isTextType(mimeType: string): boolean {
  return mimeType.startsWith('text/') || suffix.test(mimeType) || applications.has(mimeType) || others.has(mimeType)
}

// The control characters that no text has (mimesniff's binary data bytes): what is left are tab, line feed, form feed,
// carriage return and escape.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const controls = /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/

/**
 * Whether the first bytes of a file are text: UTF-8, or UTF-16 after its byte order mark, without control characters. A
 * character that the end of the head cuts in two counts as text.
 */
export function isTextHead(head: Uint8Array): boolean {
  const encoding = encodingOf(head)
  try {
    return !controls.test(new TextDecoder(encoding, { fatal: true }).decode(head, { stream: true }))
  } catch {
    return false
  }
}

function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
}

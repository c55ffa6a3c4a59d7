import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { begin, end } from './marks.ts'

// npm run bench:listing: what an upload of 50 KiB and its record do, durable, one at a time: statements, pages of the
// database, system calls. It needs strace.

const { values } = parseArgs({ options: { dir: { type: 'string', default: join(import.meta.dirname, '../.work') } } })
mkdirSync(values.dir, { recursive: true })
const folder = mkdtempSync(join(values.dir, 'trace-'))
try {
  const trace = join(folder, 'trace')
  const child = new URL('upload.ts', import.meta.url).pathname
  const output = execFileSync('strace', ['-f', '-qq', '-y', '-o', trace, process.execPath, child, values.dir], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const found = JSON.parse(output) as Found
  print(
    'statements',
    found.uploads,
    found.statements.map(([sql, count]) => [shortened(sql), count]),
  )
  const watched = linesBetween(readFileSync(trace, 'utf8'))
  print('system calls', found.uploads, byName(watched))
  const pages = watched.filter((line) => /^\d+ +pwrite64\(\d+<[^>]*-wal>.* = 4096$/.test(line)).length
  console.log(`\n${(pages / found.uploads).toFixed(1)} pages of 4 KiB are written to the log for an upload`)
  console.log(`${found.bytes.toFixed(0)} bytes of database for a blob with one reference, indexes included`)
} finally {
  rmSync(folder, { recursive: true })
}

interface Found {
  uploads: number
  statements: [sql: string, count: number][]
  bytes: number
}

function linesBetween(trace: string): string[] {
  return trace.slice(trace.indexOf(begin), trace.indexOf(end)).split('\n')
}

function byName(lines: readonly string[]): [name: string, count: number][] {
  const names = lines.flatMap((line) => /^\d+ +(\w+)\(/.exec(line)?.[1] ?? [])
  return [...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length])
}

function print(title: string, uploads: number, counts: readonly [what: string, count: number][]): void {
  const sum = counts.reduce((total, [, count]) => total + count, 0)
  console.log(`\n${(sum / uploads).toFixed(1)} ${title}:`)
  for (const [what, count] of counts.toSorted(([, one], [, other]) => other - one)) {
    if (count >= uploads / 20) console.log(`${(count / uploads).toFixed(1).padStart(7)}  ${what}`)
  }
}

function shortened(sql: string): string {
  const text = sql.replace(/\s+/g, ' ')
  return text.length > 110 ? `${text.slice(0, 109)}…` : text
}

import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { cidOfBytes } from '../../src/index.ts'
import { temporaryFolder } from '../support/places.ts'
import { reportOf } from './killing.ts'
import { treeAt } from './reference-pds.ts'

// The blobs of a PDS are damaged in many ways, imported into a store by the command line, and exported: each difference
// must be in a report, and nothing else.

/** What is done to a file of `size` bytes, and the expected finding; null if none is expected. */
const ways: readonly (readonly [told: 'damaged' | 'missing' | null, spoil: (file: string, size: number) => void])[] = [
  ['damaged', (file, size) => truncateSync(file, Math.floor(size / 2))],
  ['damaged', (file) => truncateSync(file)],
  ['damaged', (file, size) => writeFileSync(file, Buffer.alloc(size, '!'))],
  ['damaged', (file, size) => writeFileSync(file, Buffer.alloc(size + 1, '!'))],
  ['missing', (file) => rmSync(file)],
  ['damaged', (file) => inPlaceOf(file, () => mkdirSync(file))],
  ['damaged', (file) => inPlaceOf(file, () => execFileSync('mkfifo', [file]))],
  ['missing', (file) => inPlaceOf(file, () => symlinkSync(`${file}.nowhere`, file))],
  [
    null,
    (file) => {
      const target = join(temporaryFolder(), 'elsewhere')
      renameSync(file, target)
      symlinkSync(target, file)
    },
  ],
]

function inPlaceOf(file: string, make: () => void): void {
  rmSync(file)
  make()
}

/** Damages every second file. Resolves with the expected findings, and with the files that are still good. */
function spoil(location: string): { told: string[]; good: Map<string, string>; count: number } {
  const tree = treeAt(location)
  const [told, good] = [[] as string[], new Map(tree)]
  for (const [index, [path, content]] of [...tree].entries()) {
    if (index % 2 === 1) continue
    const [problem, how] = ways[(index / 2) % ways.length] as (typeof ways)[number]
    const bytes = Buffer.from(content, 'base64')
    how(join(location, path), bytes.byteLength)
    if (problem === null) continue
    const did = path.split('/').find((part) => part.startsWith('did:'))
    told.push(`${problem} ${did} ${cidOfBytes(bytes)}`)
    good.delete(path)
  }
  return { told: told.sort(), good, count: tree.size }
}

function findingsOf(report: Record<string, unknown>): string[] {
  const findings = report.findings as { problem: string; did: string; cid: string }[]
  return findings.map(({ problem, did, cid }) => `${problem} ${did} ${cid}`).sort()
}

/** The data of a PDS that is not running. */
export async function moveInAndBack(location: string, actors: string, references: 'pds' | 'store'): Promise<number> {
  const { told, good, count } = spoil(location)
  const folder = temporaryFolder()
  const store = ['--disk', join(folder, 'blobs'), '--sqlite', join(folder, 'blobs.sqlite')]
  const imports = ['import', '--from', location, '--actors', actors, '--references', references, ...store]

  const imported = await reportOf([...imports, '--create'])
  expect(findingsOf(imported)).toEqual(told)
  expect(imported).toMatchObject({ blobs: count, examined: count, imported: good.size, present: 0, gone: 0 })
  const again = await reportOf(imports)
  expect(findingsOf(again)).toEqual(told)
  expect(again).toMatchObject({ imported: 0, present: good.size })

  const lacking = told.map((line) => line.replace('damaged', 'missing')).sort()
  const back = join(folder, 'back')
  const asTree = await reportOf(['export', '--to', back, '--layout', 'pds', '--actors', actors, ...store])
  expect(findingsOf(asTree)).toEqual(lacking)
  expect(asTree).toMatchObject({ written: good.size, skipped: 0, gone: 0 })
  expect(treeAt(back)).toEqual(good)

  const files = join(folder, 'files')
  const asFiles = await reportOf(['export', '--to', files, '--actors', actors, ...store])
  expect(findingsOf(asFiles)).toEqual(lacking)
  const contents = new Set(good.values())
  expect(asFiles).toMatchObject({ written: contents.size, present: good.size - contents.size })
  const written = treeAt(files)
  written.delete('manifest.jsonl')
  expect(new Set(written.values())).toEqual(contents)
  return count
}

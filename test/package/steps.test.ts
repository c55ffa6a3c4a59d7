import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

// The steps of the metadata are generators: one that is called, and not run, does nothing.

test('every step that another one calls is run, with yield*', () => {
  const root = join(import.meta.dirname, '../../src/metadata')
  const lines = globSync('**/*.ts', { cwd: root, exclude: ['contract/*'] }).flatMap((file) => {
    const code = readFileSync(join(root, file), 'utf8').split('\n')
    return code.map((line, at) => ({ place: `${file}:${at + 1}`, line, before: code[at - 1] ?? '' }))
  })
  const steps = lines.flatMap(({ line }) => {
    const { groups } = /function\* (?<step>\w+)|const (?<statement>\w+) = (?:session\.)?statement\(/.exec(line) ?? {}
    return groups?.step ?? groups?.statement ?? []
  })
  expect(steps.length).toBeGreaterThan(80)
  // The compiler finds one whose result is used; this finds the others.
  const called = /^\s*(?:(?:if \(.*\)|else) )?(?<step>\w+)\((?!.*\): Step<.*>$)/
  const forgotten = lines.filter(
    ({ line, before }) => steps.includes(called.exec(line)?.groups?.step ?? '') && !/[(,=>:?]$/.test(before),
  )
  expect(forgotten.map(({ place, line }) => `${place} ${line}`)).toEqual([])
})

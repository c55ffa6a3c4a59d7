import { globSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import type { ViteUserConfig } from 'vitest/config'
import all from '../../vitest.all.config.ts'
import browser from '../../vitest.browser.config.ts'
import quick from '../../vitest.config.ts'
import push from '../../vitest.push.config.ts'

const project = resolve(import.meta.dirname, '../..')
const glob = (include: string[], exclude: string[] = []) => globSync(include, { cwd: project, exclude }).sort()
const filesOf = ({ test: { include = [], exclude } = {} }: ViteUserConfig) => glob(include, exclude)

test('every test file is in exactly one of test:all, test:push and test:browser', () => {
  const inBrowsers = (browser.test?.projects ?? []).flatMap((project) => filesOf(project as ViteUserConfig))
  const files = [...[all, push].flatMap(filesOf), ...new Set(inBrowsers)]
  expect(files.sort()).toEqual(glob(['test/**/*.test.ts']))
})

test('test:all has every test file of npm test', () => {
  const files = new Set(filesOf(all))
  expect(filesOf(quick).length).toBeGreaterThan(50)
  expect(filesOf(quick).filter((file) => !files.has(file))).toEqual([])
})

test('every folder that npm test leaves out exists', () => {
  const folders = (quick.test?.exclude ?? []).map((pattern) => pattern.replace(/\/\*\*$/, ''))
  expect(folders.filter((folder) => glob([folder]).length === 0)).toEqual([])
})

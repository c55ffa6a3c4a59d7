import { globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { breaking, flag, number, oneOf, times } from './options.ts'
import { runTrial } from './run-trial.ts'
import { type Control, defineTrial } from './trial.ts'

const rules = ['fsync', 'order'] as const
const trial = defineTrial({
  about: 'Tries nothing',
  options: {
    cycles: times(20, 'so often'),
    size: number('of each', 7),
    fs: oneOf(['ext4', 'xfs'], 'where'),
    break: breaking(rules),
    hard: flag('harder'),
  },
  run: async (values) => ({ found: false, report: values }),
})
const control: Control = { say() {}, progress() {}, signal: new AbortController().signal }
const valuesOf = async (...args: string[]) => (await trial.begin(args).run(control)).report

test('a trial reads its options, and fills in defaults', async () => {
  expect(await valuesOf('--seed', '7')).toMatchObject({
    ...{ cycles: 20, size: 7, fs: ['ext4', 'xfs'], break: null, hard: false },
    ...{ minutes: Number.POSITIVE_INFINITY, seed: '7', json: false },
  })
  const given = ['--cycles', '3', '--size', '0', '--fs', 'xfs', '--break', 'order', '--hard', '--minutes', '0.5']
  expect(await valuesOf(...given)).toMatchObject({
    cycles: 3,
    size: 0,
    fs: ['xfs'],
    break: 'order',
    hard: true,
    minutes: 0.5,
  })
  expect(await valuesOf('--minutes', '1', '--fs', 'both')).toMatchObject({
    cycles: Number.MAX_SAFE_INTEGER,
    fs: ['ext4', 'xfs'],
  })
})

test.each([
  ['--cycles', 'many', '--cycles many: expected a number'],
  ['--cycles', '0', '--cycles 0: expected a number above 0'],
  ['--minutes', '-1', /--minutes/],
  ['--break', 'nothing', '--break nothing: expected fsync, order'],
  ['--fs', 'fat', '--fs fat: expected ext4, xfs'],
  ['--cylces', '3', /Unknown option '--cylces'/],
])('a trial refuses %s %s', (name, value, message) => {
  expect(() => trial.begin([name, value])).toThrow(message)
})

test('a trial that finds something ends with 1, and one with wrong arguments with 2', async () => {
  const broken = await runTrial('simulate', 1, '--seeds', '20', '--jobs', '1', '--break', 'row-first', '--json')
  expect(broken.status).toBe(1)
  expect(JSON.parse(broken.output).failures).toBeGreaterThan(0)
  expect(await runTrial('crowd', 1, '--rounds', 'few')).toEqual({ status: 2, output: '' })
  expect((await runTrial('no-such-trial', 1)).status).toBe(2)
}, 60_000)

test('every trial has a command, and every command of a trial has a trial', () => {
  const project = resolve(import.meta.dirname, '../..')
  const { scripts } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const commands = Object.values(scripts).flatMap((script) => script.match(/^npm run trial -- (\S+)$/)?.[1] ?? [])
  expect(commands.sort()).toEqual(
    globSync('*/trial.ts', { cwd: import.meta.dirname })
      .map(dirname)
      .sort(),
  )
})

import { expect, test } from 'vitest'
import { canHook } from '../../src/register/hook.ts'

test.each([
  ['20.19.0', false],
  ['22.14.0', false],
  ['22.15.0', false],
  ['22.22.0', false],
  ['22.23.0', true],
  ['23.11.0', false],
  ['24.0.0', false],
  ['24.11.0', false],
  ['24.13.0', true],
  ['24.21.0', true],
  ['25.0.0', false],
  ['26.10.0', true],
  ['28.0.0', true],
])('on Node %s the hooks of register work: %j', (version, holds) => {
  expect(canHook(version)).toBe(holds)
})

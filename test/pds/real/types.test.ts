import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { describeWithPds } from './network.ts'

const project = join(import.meta.dirname, '../../..')

describeWithPds('the types', () => {
  test('the types are those of the real PDS, in the example and these tests too', { timeout: 120_000 }, async () => {
    const compiler = join(project, 'node_modules/typescript/bin/tsc')
    const args = [compiler, '--project', 'examples/pds', '--pretty', 'false']
    const compiling = promisify(execFile)(process.execPath, args, { cwd: project })
    const outcome = await compiling.catch(({ stdout = '', stderr, message }) => ({ stdout, stderr: stderr || message }))
    expect(outcome).toEqual({ stdout: '', stderr: '' })
  })
})

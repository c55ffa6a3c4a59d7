import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { UsageError } from '../../src/cli/command.ts'
import { withPackage } from '../../src/cli/optional-package.ts'
import { temporaryFolder } from '../support/places.ts'

/** Rejects with Node's own error for a module that imports this; vitest would resolve it in its own way. */
async function importing(what: string): Promise<never> {
  const file = join(temporaryFolder(), 'module.mjs')
  writeFileSync(file, `import ${JSON.stringify(what)}`)
  const code = `await import(${JSON.stringify(file)}).catch(({ code, message }) => console.log(JSON.stringify({ code, message })))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code])
  throw Object.assign(new Error(), JSON.parse(stdout))
}

test.each([
  ['--s3', '@aws-sdk/client-s3'],
  ['--postgres', 'pg'],
])('%s without its package says which one to install', async (flag, name) => {
  const message = `${flag} needs the package ${name}, which is not installed: npm install ${name}`
  await expect(withPackage(flag, name, () => importing(name))).rejects.toThrow(new UsageError(message))
})

test('any other failure is shown as it is', async () => {
  await expect(withPackage('--s3', 'pg', () => importing('pg-something'))).rejects.toThrow(/'pg-something'/)
  const broken = new Error("Cannot find package 'pg'")
  await expect(withPackage('--s3', 'pg', () => Promise.reject(broken))).rejects.toBe(broken)
})

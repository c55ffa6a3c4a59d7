import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { chosenPlace } from '../../src/cli/chosen-place.ts'
import { UsageError } from '../../src/cli/command.ts'
import { placeOptions } from '../../src/cli/place.ts'
import { booleanOf } from '../../src/cli/variables.ts'
import { cli } from './run-cli.ts'

test.each(['true', 'TRUE', '1', 'yes', ' yes '])('%j turns a variable on', (text) => {
  expect(booleanOf('X', text)).toBe(true)
})

test.each(['false', 'False', '0', 'no'])('%j turns a variable off', (text) => {
  expect(booleanOf('X', text)).toBe(false)
})

test.each(['maybe', 'on', '2', 'constructor', '__proto__'])('%j is an error that says what to write', (text) => {
  expect(() => booleanOf('X', text)).toThrow(new UsageError(`X=${text}: expected true, yes or 1, or false, no or 0`))
})

test('an empty variable is one that is not set', () => {
  expect(booleanOf('X', '')).toBeUndefined()
})

test('every variable of an option without a value is on or off', () => {
  const booleans = placeOptions.filter((option) => option.isBoolean())
  expect(booleans.map(({ envVar }) => envVar)).toEqual(['BLOBSTORE_S3_PATH_STYLE'])
})

test('an option on the command line is on, whatever its variable says', () => {
  const { given } = chosenPlace({ s3PathStyle: true }, (name) => (name === 's3PathStyle' ? 'cli' : undefined))
  expect(given).toMatchObject({ s3PathStyle: true })
})

// Fails when the variable is only looked for, not read.
test('BLOBSTORE_S3_PATH_STYLE=false puts the bucket into the host name', async () => {
  const paths: string[] = []
  const server = createServer(({ url = '' }, response) => {
    paths.push(url)
    response.writeHead(403).end()
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const askedFor = async (BLOBSTORE_S3_PATH_STYLE: string) => {
    paths.length = 0
    const credentials = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_REGION: 'eu-north-1' }
    const at = { BLOBSTORE_S3: 's3://bucket', BLOBSTORE_S3_ENDPOINT: `http://localhost:${port}` }
    const run = await cli(['stats', '--sqlite', process.execPath], { ...credentials, ...at, BLOBSTORE_S3_PATH_STYLE })
    return { ...run, inPath: paths.length > 0 && paths.every((path) => path.startsWith('/bucket')) }
  }
  expect(await askedFor('yes')).toMatchObject({ status: 1, inPath: true })
  expect(await askedFor('false')).toMatchObject({ status: 1, inPath: false })
  expect(await askedFor('')).toMatchObject({ status: 1, inPath: false })
  expect(await askedFor('maybe')).toMatchObject({ status: 2, stderr: expect.stringContaining('=maybe: expected true') })
})

import type { S3Client } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { S3Tree } from '../../src/s3.ts'

/** A service that answers each request so. */
function treeOn(...answers: readonly (() => unknown)[]): S3Tree {
  const rest = [...answers]
  const client = { send: async () => (rest.length > 1 ? rest.shift() : rest[0])?.() }
  return new S3Tree({ bucket: 'pds', client: client as unknown as S3Client })
}

const busy = () => {
  throw Object.assign(new Error('slow down'), { name: 'SlowDown', $metadata: { httpStatusCode: 503 } })
}
const page = (token?: string) => () => ({
  Contents: [{ Key: `blocks/did:plc:alice/${token ?? 'last'}` }],
  IsTruncated: token !== undefined,
  NextContinuationToken: token,
})

async function namesOf(tree: S3Tree): Promise<string[]> {
  const names: string[] = []
  for await (const name of tree.names('stored', 'did:plc:alice')) names.push(name)
  return names
}

// Fails when a request is sent only once: one 503 among thousands of lists would end an import.
test('a bucket that is busy for a moment is asked again', async () => {
  expect(await namesOf(treeOn(busy, page('one'), busy, busy, page()))).toEqual(['one', 'last'])
})

test('a bucket that returns the same page of a list for ever is reported', async () => {
  await expect(namesOf(treeOn(page('one')))).rejects.toThrow('the same page')
})

import type { TestProject } from 'vitest/node'
import { createBucket } from '../support/s3.ts'
import { Ceph, cephPackages, hasCeph } from './ceph.ts'

/** Starts the S3 server, if it is installed. */
export async function startS3(project: TestProject): Promise<() => Promise<void>> {
  if (!hasCeph()) {
    const advice = `the S3 tests need Ceph: apt-get install --no-install-recommends ${cephPackages}`
    if (process.env.REQUIRE_S3 === '1') throw new Error(`REQUIRE_S3=1, but ${advice}`)
    process.stderr.write(`Skipped: ${advice}\n`)
    project.provide('s3', null)
    return async () => {}
  }
  const ceph = await Ceph.start()
  await createBucket(ceph.s3)
  project.provide('s3', ceph.s3)
  return () => ceph.stop()
}

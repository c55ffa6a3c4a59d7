import type { TestProject } from 'vitest/node'
import { startS3 } from './s3.ts'

// The real servers that tests run against. Each provides its address, for `inject`, or null where it is not installed.
const servers = [startS3]

/** Before the first test; what comes back runs after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stops = await Promise.all(servers.map((start) => start(project)))
  return async () => {
    await Promise.all(stops.map((stop) => stop()))
  }
}

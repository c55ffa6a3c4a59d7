import type { TestProject } from 'vitest/node'
import { startPostgres } from './postgres.ts'
import { startS3 } from './s3.ts'

/** A server that tests need: resolves, when it is ready, with how to stop it. */
export type StartServer = (project: TestProject) => Promise<() => Promise<void>>

const servers: StartServer[] = [startPostgres, startS3]

/** Starts them once for each run of vitest; however the run ends, they stop with it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = await Promise.allSettled(servers.map((start) => start(project)))
  const stops = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const stopAll = async () => void (await Promise.allSettled(stops.map((stop) => stop())))
  const failure = started.find((one) => one.status === 'rejected')
  if (failure) {
    await stopAll()
    throw failure.reason
  }
  return stopAll
}

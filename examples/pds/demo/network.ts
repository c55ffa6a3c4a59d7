import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type RunningPds, startPds } from '../pds.ts'
import { type Plc, startPlc } from '../plc.ts'

export interface DemoNetwork {
  plc: Plc
  /** Where everything begins. */
  here: RunningPds
  /** Where an account moves to. */
  there: RunningPds
  adminPassword: string
  close(): Promise<void>
}

export async function startNetwork(dir: string): Promise<DemoNetwork> {
  const adminPassword = 'admin'
  const plc = await startPlc()
  const [here, there] = await Promise.all(
    ['here', 'there'].map(async (name) => {
      await mkdir(join(dir, name))
      // By default 24 and 48 hours.
      const times = { grace: 1000, deleteDelay: 0 }
      return startPds({ dir: join(dir, name), plcUrl: plc.url, adminPassword, times })
    }),
  )
  if (!here || !there) throw new Error('two PDSes were requested')
  return {
    ...{ plc, here, there, adminPassword },
    async close() {
      await Promise.all([here.close(), there.close()])
      await plc.close()
    },
  }
}

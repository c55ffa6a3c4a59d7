import { Database, PlcServer } from '@did-plc/server'

export interface Plc {
  url: string
  close(): Promise<void>
}

/** A directory of DIDs, in memory. */
export async function startPlc(): Promise<Plc> {
  const server = PlcServer.create({ db: Database.mock() })
  const http = await server.start()
  const address = http.address()
  if (address === null || typeof address === 'string') throw new Error('the PLC server has no port')
  return { url: `http://localhost:${address.port}`, close: () => server.destroy() }
}

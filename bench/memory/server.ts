import { startPds } from '../../examples/express/pds.ts'

// The process that is measured: the PDS of the example. Its parent says where to store data and when to end.
const GiB = 1024 ** 3

const pds = await startPds({
  dir: process.argv[2] ?? '.demo/memory',
  port: 0,
  adminPassword: 'admin',
  limits: { maxBlobSize: 2 * GiB, accept: ['*/*'] },
})
process.send?.(pds.url)
process.once('disconnect', async () => {
  await pds.close()
  process.exit()
})

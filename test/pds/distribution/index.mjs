// The same as an ES module, by PDS.run where there is one.
import { envToCfg, envToSecrets, PDS, readEnv } from '@atproto/pds'

const env = readEnv()
const pds = await PDS.create(envToCfg(env), envToSecrets(env))
await pds.start()
pds.app.get('/tls-check', (_req, res) => res.json({ success: true }))
process.stdout.write('started\n')
process.on('SIGTERM', async () => {
  await pds.destroy()
  process.stdout.write('stopped\n')
})

'use strict'

// A PDS as a distribution starts it: a CommonJS entry that knows nothing of this store, and has more than a start.
const { PDS, envToCfg, envToSecrets, readEnv } = require('@atproto/pds')

const main = async () => {
  const env = readEnv()
  const cfg = envToCfg(env)
  const pds = await PDS.create(cfg, envToSecrets(env))
  await pds.start()
  pds.app.get('/tls-check', (req, res) => {
    const { domain } = req.query
    const isOurs =
      domain === cfg.service.hostname || cfg.identity.serviceHandleDomains.some((one) => String(domain).endsWith(one))
    return isOurs ? res.json({ success: true }) : res.status(404).json({ error: 'NotFound' })
  })
  process.stdout.write('started\n')
  process.on('SIGTERM', async () => {
    await pds.destroy()
    process.stdout.write('stopped\n')
  })
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`)
  process.exit(1)
})

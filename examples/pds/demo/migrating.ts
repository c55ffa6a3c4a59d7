import assert from 'node:assert/strict'
import { AtpAgent } from '@atproto/api'
import type { Report } from '../../express/demo/report.ts'
import type { DemoNetwork } from './network.ts'
import type { User } from './user.ts'

/** Moves an account from one PDS to the other, as a client does: https://atproto.com/guides/account-migration */
export async function migrate(user: User, { here, there }: DemoNetwork, report: Report): Promise<void> {
  report.chapter(`${user.name} moves to ${there.url}`)
  const old = user.agent
  const { did } = user

  const moved = new AtpAgent({ service: there.url })
  const { data: server } = await moved.com.atproto.server.describeServer()
  const lxm = 'com.atproto.server.createAccount'
  const { data: auth } = await old.com.atproto.server.getServiceAuth({ aud: server.did, lxm })
  await moved.com.atproto.server.createAccount(
    { ...user.account, did },
    { headers: { authorization: `Bearer ${auth.token}` }, encoding: 'application/json' },
  )
  await moved.login({ identifier: did, password: user.account.password })

  const repo = await old.com.atproto.sync.getRepo({ did })
  await moved.com.atproto.repo.importRepo(repo.data, { encoding: 'application/vnd.ipld.car' })
  const before = (await moved.com.atproto.server.checkAccountStatus()).data
  assert.deepEqual([before.expectedBlobs, before.importedBlobs], [user.uploads.size, 0])
  report.step(`the repository is imported: ${before.expectedBlobs} blobs expected, none there`)

  let rounds = 0
  while (true) {
    const { data } = await moved.com.atproto.repo.listMissingBlobs({ limit: 1 })
    if (data.blobs.length === 0) break
    assert.ok(rounds++ < 100, 'listMissingBlobs does not become empty')
    for (const { cid } of data.blobs) {
      const blob = await old.com.atproto.sync.getBlob({ did, cid })
      await moved.com.atproto.repo.uploadBlob(blob.data, { encoding: blob.headers['content-type'] ?? '' })
    }
  }
  const after = (await moved.com.atproto.server.checkAccountStatus()).data
  assert.deepEqual([after.expectedBlobs, after.importedBlobs], [user.uploads.size, user.uploads.size])
  report.step(`listMissingBlobs is empty after ${rounds} blobs`)

  const { data: credentials } = await moved.com.atproto.identity.getRecommendedDidCredentials()
  const token = await here.pds.ctx.accountManager.createEmailToken(did, 'plc_operation')
  const { data: signed } = await old.com.atproto.identity.signPlcOperation({ ...credentials, token })
  await moved.com.atproto.identity.submitPlcOperation({ operation: signed.operation })
  await moved.com.atproto.server.activateAccount()
  await old.com.atproto.server.deactivateAccount({})
  const status = (await moved.com.atproto.server.checkAccountStatus()).data
  assert.deepEqual([status.activated, status.validDid], [true, true])
  user.agent = moved
  report.step('its DID names the new PDS, where it is active')
}

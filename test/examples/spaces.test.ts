import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, onTestFinished, test } from 'vitest'
import { nextTid, parseRecord, uriOf } from '../../examples/express/data-model.ts'
import { type Pds, startPds } from '../../examples/express/pds.ts'
import { hashPassword } from '../../examples/express/sessions.ts'

// The example's spaces over real sockets, and an account that moves from one server to another with them.

const collection = 'app.bsky.feed.post'

async function start(): Promise<Pds> {
  const dir = mkdtempSync(join(tmpdir(), 'pds-blobstore-spaces-'))
  const pds = await startPds({ dir, port: 0, adminPassword: 'admin' })
  onTestFinished(async () => {
    await pds.close()
    rmSync(dir, { recursive: true })
  })
  return pds
}

interface BlobJson {
  $type: 'blob'
  ref: { $link: string }
  mimeType: string
  size: number
}
interface Answer {
  did: string
  accessJwt: string
  error?: string
  uri: string
  blob: BlobJson
  cids: string[]
  cursor?: string
  blobs: { cid: string }[]
  spaces: string[]
  records: { uri: string; value: unknown }[]
}

/** A client of one server, with a session or without. */
class Client {
  readonly #url: string
  readonly #auth: string | undefined
  readonly did: string

  constructor(pds: Pds, { did = '', accessJwt }: Partial<Answer> = {}) {
    this.#url = pds.url
    this.#auth = accessJwt && `Bearer ${accessJwt}`
    this.did = did
  }

  static async signUp(pds: Pds, name: string): Promise<Client> {
    const body = { handle: `${name}.test`, password: name }
    return new Client(pds, await new Client(pds).post('com.atproto.server.createAccount', body))
  }

  request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...(this.#auth && { authorization: this.#auth }), ...init.headers }
    return fetch(this.#url + path, { ...init, headers })
  }

  async get(nsid: string, params: Record<string, string> = {}): Promise<Answer> {
    return (await (await this.request(`/xrpc/${nsid}?${new URLSearchParams(params)}`)).json()) as Answer
  }

  async post(nsid: string, body: object): Promise<Answer> {
    const headers = { 'content-type': 'application/json' }
    const response = await this.request(`/xrpc/${nsid}`, { method: 'POST', headers, body: JSON.stringify(body) })
    const answer = (await response.json()) as Answer
    expect(answer.error, `${nsid} ${JSON.stringify(answer)}`).toBeUndefined()
    return answer
  }

  async bytes(nsid: string, params: Record<string, string>): Promise<Uint8Array<ArrayBuffer> | number> {
    const response = await this.request(`/xrpc/${nsid}?${new URLSearchParams(params)}`)
    const body = new Uint8Array(await response.arrayBuffer())
    return response.status === 200 ? body : response.status
  }

  async upload(bytes: Uint8Array<ArrayBuffer>, type = 'image/png'): Promise<BlobJson> {
    const init = { method: 'POST', headers: { 'content-type': type }, body: bytes }
    return ((await (await this.request('/xrpc/com.atproto.repo.uploadBlob', init)).json()) as Answer).blob
  }

  /** All pages of a list, two at a time, so that there are some. */
  async listAll(nsid: string, params: Record<string, string>): Promise<string[]> {
    const cids: string[] = []
    let cursor: string | undefined
    do {
      const page = await this.get(nsid, { ...params, limit: '2', ...(cursor && { cursor }) })
      cids.push(...page.cids)
      cursor = page.cursor
    } while (cursor)
    return cids
  }

  /** Posts to everybody, or in a space. */
  async publish(space: string | null, ...images: BlobJson[]): Promise<string> {
    const record = { $type: collection, text: '', images }
    const [nsid, where] = space
      ? ['com.example.space.createRecord', { space }]
      : ['com.atproto.repo.createRecord', { repo: this.did }]
    return (await this.post(nsid as string, { ...(where as object), collection, record })).uri
  }
}

async function picture(colour: string): Promise<Uint8Array<ArrayBuffer>> {
  const image = sharp({ create: { width: 8, height: 8, channels: 3, background: colour } })
  return new Uint8Array(await image.png().toBuffer())
}
const circle = (did: string, key: string) => `at://${did}/space/com.example.circle/${key}`
const link = ({ ref }: BlobJson): string => ref.$link

test('an account moves with three spaces by its lists and its blobs alone: nothing is missing, nothing public that was not', async () => {
  const [from, to] = [await start(), await start()]
  const alice = await Client.signUp(from, 'alice')
  const bob = await Client.signUp(from, 'bob')
  const spaces = [circle(alice.did, 'friends'), circle(alice.did, 'work'), circle(bob.did, 'club')] as const
  const [friends, work, club] = spaces
  for (const space of [friends, work]) await alice.post('com.example.space.putMembers', { space, members: [bob.did] })
  await bob.post('com.example.space.putMembers', { space: club, members: [alice.did] })

  const colours = ['red', 'green', 'blue', 'cyan', 'pink', 'gold', 'grey', 'teal', 'navy', 'plum']
  const blobs = await Promise.all(colours.map(async (colour) => await alice.upload(await picture(colour))))
  const some = (...indexes: number[]) => indexes.map((index) => blobs[index] ?? expect.fail())
  await alice.publish(null, ...some(0, 1, 2))
  await alice.publish(friends, ...some(2, 3, 4))
  await alice.publish(friends, ...some(5))
  await alice.publish(work, ...some(5, 6, 7))
  await alice.publish(club, ...some(7, 8)) // 9 stays temporary
  // What somebody else has in the same space is not hers to take along.
  await bob.publish(friends, await bob.upload(await picture('black')))

  // The repositories, records without blobs, as an import brings them.
  const { did } = alice
  await to.db
    .insertInto('account')
    .values({ did, handle: 'alice.test', password: await hashPassword('new') })
    .execute()
  const found = (await alice.get('com.example.space.list')).spaces
  expect(found).toEqual([...spaces].sort())
  const records = (await alice.get('com.atproto.repo.listRecords', { repo: did, collection })).records
  for (const space of found) {
    records.push(...(await alice.get('com.example.space.listRecords', { space, repo: did, collection })).records)
  }
  for (const { uri, value } of records) {
    const space = spaces.find((one) => uri.startsWith(`${one}/`))
    const path = { did, collection, rkey: uri.split('/').at(-1) ?? '' }
    const { record, cid } = parseRecord(value)
    const row = { ...path, cid, value: JSON.stringify(value) }
    if (space)
      await to.db
        .insertInto('space_record')
        .values({ ...row, space })
        .execute()
    else await to.db.insertInto('record').values(row).execute()
    const write = { action: 'create' as const, uri: uriOf(space ? { ...path, space } : path), record }
    await to.blobs.applyWrites(did, [write], { rev: nextTid(), missing: 'expect' })
  }
  const session = { identifier: 'alice.test', password: 'new' }
  const moved = new Client(to, await new Client(to).post('com.atproto.server.createSession', session))
  const everybody = new Client(to)
  expect((await moved.get('com.atproto.repo.listMissingBlobs')).blobs).toHaveLength(3)

  // The blobs, spaces first: whatever is public meanwhile was public before.
  const publicBefore = await alice.listAll('com.atproto.sync.listBlobs', { did })
  const copied = new Map<string, Uint8Array>()
  const copy = async (cid: string, bytes: Uint8Array<ArrayBuffer> | number) => {
    if (typeof bytes === 'number') return expect.fail(`${cid} is answered by ${bytes}`)
    expect(link(await moved.upload(bytes, '*/*'))).toBe(cid)
    copied.set(cid, bytes)
    for (const seen of await everybody.listAll('com.atproto.sync.listBlobs', { did })) {
      expect(publicBefore).toContain(seen)
    }
  }
  for (const space of found) {
    for (const cid of await alice.listAll('com.atproto.space.listBlobs', { space, repo: did })) {
      await copy(cid, await alice.bytes('com.atproto.space.getBlob', { space, repo: did, cid }))
    }
  }
  for (const cid of publicBefore) await copy(cid, await alice.bytes('com.atproto.sync.getBlob', { did, cid }))

  expect((await to.blobs.listMissing(did)).items).toEqual([])
  expect(await to.blobs.importProgress(did)).toEqual({ expected: 9, imported: 9 })
  expect(await everybody.listAll('com.atproto.sync.listBlobs', { did })).toEqual(publicBefore)
  expect(publicBefore).toEqual(some(0, 1, 2).map(link).sort())
  for (const [space, expected] of [
    [friends, some(2, 3, 4, 5)],
    [work, some(5, 6, 7)],
    [club, some(7, 8)],
  ] as const) {
    const cids = expected.map(link).sort()
    expect(await moved.listAll('com.atproto.space.listBlobs', { space, repo: did })).toEqual(cids)
    for (const cid of cids) {
      const here = await moved.bytes('com.atproto.space.getBlob', { space, repo: did, cid })
      expect(Buffer.from(here as Uint8Array).equals(copied.get(cid) ?? expect.fail())).toBe(true)
      const isPublic = publicBefore.includes(cid)
      const open = await everybody.request(`/xrpc/com.atproto.sync.getBlob?${new URLSearchParams({ did, cid })}`)
      const variant = await everybody.request(`/img/avatar/plain/${did}/${cid}`)
      expect([open.status, variant.status], cid).toEqual(isPublic ? [200, 200] : [404, 404])
      expect(await everybody.bytes('com.atproto.space.getBlob', { space, repo: did, cid })).toBe(401)
    }
  }
  expect(await to.blobs.stat(did, link(blobs[9] ?? expect.fail()), { as: 'account' })).toBeNull()
})

test('members see what is in a space; when it is deleted, each sees their own alone', async () => {
  const pds = await start()
  const [alice, bob, carol] = [
    await Client.signUp(pds, 'alice'),
    await Client.signUp(pds, 'bob'),
    await Client.signUp(pds, 'carol'),
  ] as const
  const space = circle(alice.did, 'friends')
  await alice.post('com.example.space.putMembers', { space, members: [bob.did] })
  const [hers, his] = [await alice.upload(await picture('red')), await bob.upload(await picture('blue'))]
  await alice.publish(space, hers)
  const uri = await bob.publish(space, his)

  const see = async (client: Client, owner: Client, blob: BlobJson) => {
    const params = { space, repo: owner.did, cid: link(blob) }
    const bytes = await client.bytes('com.atproto.space.getBlob', params)
    const variant = await client.request(
      `/img/avatar/plain/${owner.did}/${link(blob)}?${new URLSearchParams({ space })}`,
    )
    const { status } = await client.request(
      `/xrpc/com.example.space.listRecords?${new URLSearchParams({ space, repo: owner.did, collection })}`,
    )
    return [typeof bytes === 'number' ? bytes : 200, variant.status, status]
  }
  const [yes, no] = [
    [200, 200, 200],
    [403, 403, 403],
  ]
  for (const client of [alice, bob]) {
    expect([await see(client, alice, hers), await see(client, bob, his)]).toEqual([yes, yes])
  }
  expect([await see(carol, alice, hers), await see(carol, bob, his)]).toEqual([no, no])

  await alice.post('com.example.space.delete', { space })
  expect(await see(alice, alice, hers)).toEqual([404, 404, 200])
  expect(await see(bob, bob, his)).toEqual(yes)
  expect([await see(bob, alice, hers), await see(alice, bob, his)]).toEqual([no, no])
  expect((await bob.get('com.example.space.list')).spaces).toEqual([space])
  await bob.post('com.example.space.deleteRecord', { space, collection, rkey: uri.split('/').at(-1) })
  expect((await bob.get('com.example.space.list')).spaces).toEqual([])
  expect(await see(bob, bob, his)).toEqual([404, 404, 200])
  expect(await alice.post('com.example.space.delete', { space })).toEqual({})
})

test('nobody makes, fills or deletes a space of others, or learns whether there is one', async () => {
  const pds = await start()
  const [alice, carol] = [await Client.signUp(pds, 'alice'), await Client.signUp(pds, 'carol')] as const
  const [space, none] = [circle(alice.did, 'friends'), circle(alice.did, 'nothing')]
  await alice.post('com.example.space.putMembers', { space, members: [] })
  const blob = await carol.upload(await picture('red'))
  const record = { $type: collection, text: '', images: [blob] }
  for (const [nsid, body, status] of [
    ['putMembers', { members: [carol.did] }, 400],
    ['delete', {}, 400],
    ['createRecord', { collection, record }, 403],
  ] as const) {
    const answers = []
    for (const named of [space, none]) {
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ space: named, ...body }),
      }
      const response = await carol.request(`/xrpc/com.example.space.${nsid}`, init)
      answers.push([response.status, await response.text()])
    }
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]?.[0]).toBe(status)
  }
  expect((await pds.db.selectFrom('space').selectAll().execute()).map(({ uri }) => uri)).toEqual([space])
  expect(await pds.blobs.recordsFor(carol.did, link(blob))).toEqual([])
})

test('one’s own blob has a preview before a record names it, for oneself alone', async () => {
  const pds = await start()
  const [alice, carol] = [await Client.signUp(pds, 'alice'), await Client.signUp(pds, 'carol')] as const
  const bytes = await picture('red')
  const cid = link(await alice.upload(bytes))
  const path = `/xrpc/com.example.blobs.preview?${new URLSearchParams({ cid })}`
  const response = await alice.request(path)
  expect(Buffer.from(bytes).equals(await response.bytes())).toBe(true)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'cache-control': 'private, no-cache',
    'content-disposition': `attachment; filename="${cid}"`,
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
    'x-content-type-options': 'nosniff',
  })
  const others = await Promise.all([carol.request(path), new Client(pds).request(path)])
  expect(others.map(({ status }) => status)).toEqual([400, 401])
})

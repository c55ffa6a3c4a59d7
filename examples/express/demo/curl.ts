import { fileURLToPath } from 'node:url'
import type { Pds } from '../pds.ts'
import { jpeg } from './media.ts'
import { Person } from './people.ts'

/** Leaves one post, and prints commands to look at it. */
export async function curlLines(pds: Pds): Promise<string> {
  const carol = new Person('carol', pds.url)
  await carol.signUp()
  const ref = await carol.upload(jpeg)
  await carol.post('Look at this', ref)

  const cid = ref.ref.toString()
  const picture = fileURLToPath(new URL('../../../test/fixtures/media/testcard.png', import.meta.url))
  return `
The PDS stays up, with one post by carol.test. See it in a browser:

  ${pds.url}/#carol

Or try, in another terminal:

  BLOB='${carol.blobUrl(cid)}'
  curl -s -D - -o sunset.jpg "$BLOB"
  curl -s -r 0-15 "$BLOB" | od -An -c
  curl -i -H 'if-none-match: "${cid}"' "$BLOB"
  curl -s '${pds.url}/xrpc/com.atproto.sync.listBlobs?did=${carol.did}'
  curl -s '${pds.url}/xrpc/com.atproto.repo.listRecords?repo=carol.test&collection=app.bsky.feed.post'
  curl -s -H 'authorization: Bearer ${carol.agent.session?.accessJwt}' -H 'content-type: image/png' \\
    --data-binary '@${picture}' ${pds.url}/xrpc/com.atproto.repo.uploadBlob

Ctrl-C ends it and removes its data.`
}

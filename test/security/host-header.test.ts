import { describe, expect, test } from 'vitest'
import { asAlice, openPlace, tokens, xrpc } from '../http/place.ts'
import { dial, serve } from '../http/servers.ts'

// Not in the table of attacks: the client chooses the Host header, which is part of the address by which `authenticate`
// checks what a token is for (`lxm` of service tokens, `htu` of DPoP). Fails when it can change what follows it.

const hosts = [
  'pds.example/xrpc/com.example.other?',
  'pds.example/xrpc/com.example.other#',
  'pds.example\\xrpc\\com.example.other?',
  'evil.example/',
  'evil.example?x=',
  'evil.example#',
  'user@pds.example',
  'user:password@pds.example',
  'pds.example:99999',
  'a b',
  '',
]

async function askedWith(host: string): Promise<{ status: string; paths: string[]; errors: unknown[] }> {
  const { blobs } = await openPlace()
  const [paths, errors]: [string[], unknown[]] = [[], []]
  const { port } = await serve(blobs, {
    authenticate: (request) => {
      paths.push(new URL(request.url).pathname)
      return tokens.authenticate(request)
    },
    onError: (error) => errors.push(error),
  })
  const lines = [`POST ${xrpc.upload} HTTP/1.1`, `Host: ${host}`, `Authorization: ${asAlice.authorization}`]
  const wire = await dial(port)
  wire.socket.write(`${[...lines, 'Content-Length: 2', 'Connection: close'].join('\r\n')}\r\n\r\nok`)
  const answer = await wire.closed
  return { status: answer.split('\r\n')[0] ?? '', paths, errors }
}

describe('a Host header that is more than a host', () => {
  test('does not change the path that authenticate sees', async () => {
    for (const host of hosts) {
      const { paths } = await askedWith(host)
      expect(
        paths.filter((path) => path !== xrpc.upload),
        host,
      ).toEqual([])
    }
  })

  test('causes no server error', async () => {
    for (const host of hosts) {
      const { status, errors } = await askedWith(host)
      expect(status, host).toMatch(/ (?:200|400) /)
      expect(errors, host).toEqual([])
    }
  })
})

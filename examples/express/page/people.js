import { call } from './xrpc.js'

// The users of the demo. A new user is signed up when chosen.
export const people = ['Alice', 'Bob', 'Carol', 'Moderator']

/** Logs in, and resolves with what later requests need. */
export async function logIn(name) {
  // The administrator has no session: each request carries the password, PDS_ADMIN_PASSWORD of main.ts.
  if (name === 'Moderator') return { name, isModerator: true, auth: `Basic ${btoa('admin:admin')}` }
  const [handle, password] = [`${name.toLowerCase()}.test`, `${name.toLowerCase()}'s password`]
  const account = await call('com.atproto.server.createSession', { body: { identifier: handle, password } }).catch(
    (error) => {
      if (error.code !== 'AuthenticationRequired') throw error
      return call('com.atproto.server.createAccount', { body: { handle, password } })
    },
  )
  return { name, did: account.did, handle, auth: `Bearer ${account.accessJwt}` }
}

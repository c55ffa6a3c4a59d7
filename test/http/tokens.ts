import type { BlobHandlerOptions } from '../../src/http.ts'

export const alice = 'did:plc:alicealicealicealicealic'

/** Tokens are DIDs: the simplest `authenticate`. */
export const tokens: BlobHandlerOptions = {
  authenticate: (request) => {
    const [scheme, did = ''] = (request.headers.get('authorization') ?? '').split(' ')
    return scheme === 'Bearer' && did.startsWith('did:') ? { did } : null
  },
}

export const asAlice = { authorization: `Bearer ${alice}` }

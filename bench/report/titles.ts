import { contenders } from '../contenders/all.ts'

/** Those that are not stores to upload to, but servers, or stores of some size. */
const others: Record<string, string> = {
  router: 'pds-blobstore on node:http',
  express: 'pds-blobstore on Express 4',
  pipe: 'createReadStream.pipe and req.pipe on node:http',
  nginx: 'nginx, plain files',
  'behind-nginx': 'pds-blobstore behind nginx',
  'sent-by-nginx': 'the same, nginx sends the files',
  memory: 'node:http, bytes held in memory',
  empty: 'empty',
  '10k': '10,000 blobs',
  '100k': '100,000 blobs',
  '1m': '1,000,000 blobs',
  'one-space': '500 references in one space',
  '1000-spaces': '1,000,000 references in 1,000 spaces',
}

/** A contender's name in tables. */
export function titleOf(contender: string): string {
  const known: Record<string, { title: string }> = contenders
  return known[contender]?.title ?? others[contender] ?? contender.replaceAll('-', ' ')
}

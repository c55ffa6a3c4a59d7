import { S3BlobStore, type S3Config } from '@atproto/aws'
import type { S3Client } from '@aws-sdk/client-s3'
import type { Contender } from '../contract.ts'
import { openReference } from './reference.ts'

/** The reference with its store on S3; `onClient` is called with each of its clients, one for each account. */
export function open(
  folder: string,
  config: S3Config,
  onClient: (client: Pick<S3Client, 'middlewareStack'>) => void,
): Promise<Contender> {
  const create = S3BlobStore.creator(config)
  return openReference(folder, (did) => {
    const store = create(did)
    onClient((store as unknown as { client: S3Client }).client)
    return store
  })
}

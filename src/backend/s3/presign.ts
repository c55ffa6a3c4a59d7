import { GetObjectCommand } from '@aws-sdk/client-s3'
import { BlobStoreError } from '../../errors.ts'
import type { PresignOptions } from '../backend.ts'
import type { Service } from './service.ts'

/** No request: the address is computed from the credentials. The signer is loaded when it is first needed. */
export async function presignObject(
  { client, bucket }: Service,
  name: string,
  { expiresIn, contentType, contentDisposition }: PresignOptions,
): Promise<string> {
  const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner').catch((cause: unknown) => {
    const message = 'Addresses of S3 objects need the package @aws-sdk/s3-request-presigner; install it'
    throw new BlobStoreError('InvalidArgument', message, { cause })
  })
  const command = new GetObjectCommand({
    Bucket: bucket,
    Key: name,
    ResponseContentType: contentType,
    ResponseContentDisposition: contentDisposition,
  })
  return getSignedUrl(client, command, { expiresIn })
}

// `node --import=pds-blobstore/register`: the blob store in an `@atproto/pds` whose own code is unchanged.
import { registerPds } from './register/hook.ts'

registerPds()

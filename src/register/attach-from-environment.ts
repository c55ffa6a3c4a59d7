import { isNativeError } from 'node:util/types'
import type { BlobStore } from '../blob-store.ts'
import { UsageError } from '../cli/command.ts'
import { type Place, placeOptions, storeAt } from '../cli/place.ts'
import { booleanOf } from '../cli/variables.ts'
import type { Logger } from '../logger.ts'
import { attachBlobStore } from '../pds/attach.ts'
import type { RunningPds } from '../pds/running-pds.ts'

/**
 * Attaches the store that the environment names to a PDS that was created and not started. Uses the variables of the
 * command line, and `BLOBSTORE_LIMITS`, which is `pds` or `store`. Its janitor runs until the PDS is destroyed; then
 * everything is closed.
 *
 * @throws with a message for the PDS's operator; the PDS must then not start
 */
export async function attachFromEnvironment(pds: CreatedPds): Promise<void> {
  const logger = jsonLogger(process.stdout)
  const blobs = await storeFrom(process.env, logger)
  try {
    const limits = limitsFrom(process.env)
    const attachment = await attachBlobStore(pds as unknown as RunningPds, blobs, { logger, limits })
    const destroy = pds.destroy
    pds.destroy = async function (this: CreatedPds) {
      try {
        await destroy.call(pds)
      } finally {
        await attachment.stop()
        await blobs.close()
      }
    }
    logger.info({}, 'The blob store is attached to the PDS')
  } catch (error) {
    await blobs.close()
    throw error
  }
}

async function storeFrom(env: NodeJS.ProcessEnv, logger: Logger): Promise<BlobStore> {
  try {
    return await storeAt({ create: true, ...placeFrom(env) }, logger, { janitor: {} })
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    throw new Error(
      'pds-blobstore/register: the environment must say which blob store this PDS has. Set BLOBSTORE_DISK or BLOBSTORE_S3, ' +
        `and BLOBSTORE_SQLITE or BLOBSTORE_POSTGRES, or BLOBSTORE_CONFIG (pds-blobstore/docs/adopting.md). ${error.message}`,
      { cause: error },
    )
  }
}

function placeFrom(env: NodeJS.ProcessEnv): Place {
  const set = placeOptions.flatMap((option) => {
    const [name, variable] = [option.attributeName(), option.envVar as string]
    const text = env[variable] ?? ''
    if (text === '') return []
    return [[name, option.isBoolean() ? booleanOf(variable, text) : text]]
  })
  return Object.fromEntries(set)
}

function limitsFrom(env: NodeJS.ProcessEnv): 'pds' | 'store' {
  const limits = env.BLOBSTORE_LIMITS || 'pds'
  if (limits === 'pds' || limits === 'store') return limits
  throw new Error(`pds-blobstore/register: BLOBSTORE_LIMITS must be pds or store, not ${limits}`)
}

/** Lines in pino's format, as a PDS logs. */
function jsonLogger(stream: { write(text: string): unknown }): Logger {
  const at = (level: number) => (details: object, msg: string) => {
    const line = { level, time: Date.now(), name: 'pds-blobstore', ...details, msg }
    stream.write(`${JSON.stringify(line, (_key, value) => (isNativeError(value) ? toldOf(value) : value))}\n`)
  }
  return { info: at(30), warn: at(40), error: at(50) }
}

const toldOf = ({ name, message, stack, cause }: Error) => ({ type: name, message, stack, cause })

export interface CreatedPds {
  destroy(): Promise<void>
}

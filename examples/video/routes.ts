import express, { type NextFunction, type Request, type Response, Router } from 'express'
import { type BlobStore, isBlobStoreError, type ResumableUpload } from 'pds-blobstore'
import { XrpcError } from 'pds-blobstore/express'

const MiB = 1024 * 1024
const partSize = 5 * MiB

/**
 * The methods of app.bsky.video that upload a video in parts. Mounted at `/xrpc`. `didOf` says who sends a request, or
 * throws an `XrpcError`. Nothing is transcoded: the finished upload is the blob.
 */
export function videoRoutes(blobs: BlobStore, didOf: (req: Request) => Promise<string>): Router {
  const { resumable } = blobs
  const json = express.json({ limit: '10kb' })
  const router = Router()

  router.post('/app.bsky.video.startUpload', json, async (req, res) => {
    const { sizeBytes: size, mimeType, name: fileName } = req.body
    const upload = await resumable.create(await didOf(req), { size, mimeType, fileName, partSize })
    res.json({ jobId: upload.id, ...partsOf(upload) })
  })

  router.post('/app.bsky.video.uploadPart', async (req, res) => {
    const { jobId, partNumber } = { jobId: String(req.query.jobId), partNumber: Number(req.query.partNumber) }
    const { size } = await resumable.putPart(await didOf(req), jobId, partNumber, req)
    res.json({ partNumber, sizeBytes: Math.min(partSize, (size ?? 0) - (partNumber - 1) * partSize) })
  })

  router.post('/app.bsky.video.finishUpload', json, async (req, res) => {
    const [did, { jobId }] = [await didOf(req), req.body]
    const blob = await resumable.finish(did, jobId)
    res.json(completed(did, jobId, blob))
  })

  router.post('/app.bsky.video.abortUpload', json, async (req, res) => {
    const [did, { jobId }] = [await didOf(req), req.body]
    const { blob } = await find(did, jobId)
    if (!blob) await resumable.abort(did, jobId)
    res.json(blob ? { state: 'completed', completedJobId: jobId } : { state: 'aborted' })
  })

  router.get('/app.bsky.video.getUploadStatus', async (req, res) => {
    const [did, jobId] = [await didOf(req), String(req.query.jobId)]
    const upload = await find(did, jobId)
    const state = upload.blob ? { state: 'completed', ...completed(did, jobId, upload.blob) } : { state: 'created' }
    res.json({ jobId, ...partsOf(upload), receivedParts: upload.parts, ...state })
  })

  async function find(did: string, jobId: string): Promise<ResumableUpload> {
    const upload = await resumable.stat(did, jobId)
    if (!upload) throw new XrpcError(400, 'UploadNotFound', 'There is no such upload; start a new one')
    return upload
  }

  return router.use(errorHandler)
}

const partsOf = ({ size, expiresAt }: ResumableUpload) => ({
  partSizeBytes: partSize,
  partCount: Math.max(1, Math.ceil((size ?? 0) / partSize)),
  expiresAt: expiresAt.toISOString(),
})

const completed = (did: string, jobId: string, blob: ResumableUpload['blob']) => ({
  completedJobId: jobId,
  jobStatus: { jobId, did, state: 'JOB_STATE_COMPLETED', blob },
})

/** The Lexicons' names for the store's errors, where they differ from its codes. */
const names: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  startUpload: { PayloadTooLarge: 'VideoTooLarge', TooManyUploads: 'TooManyOpenUploads' },
  uploadPart: { InvalidSize: 'PartSizeMismatch', InvalidArgument: 'InvalidPartNumber', UploadBusy: 'UploadNotReady' },
  finishUpload: {
    InvalidSize: 'MissingParts',
    InvalidMimeType: 'UnsupportedContentType',
    UploadBusy: 'UploadNotReady',
  },
}

function errorHandler(error: unknown, req: Request, res: Response, next: NextFunction): void {
  if (error instanceof XrpcError) {
    res.status(error.status).json({ error: error.error, message: error.message })
  } else if (isBlobStoreError(error)) {
    const name = names[req.path.split('.').at(-1) ?? '']?.[error.code] ?? error.code
    res.status(error.transient ? 503 : 400).json({ error: name, message: error.message })
  } else {
    next(error)
  }
}

import './tus.min.js' // tus-js-client, which is a script: it defines `tus`

const { Upload } = globalThis.tus

/** Files above this many bytes are uploaded so that they can be paused, and continued after a reload. */
export const resumableAbove = 5 * 1024 * 1024

/**
 * As `transfer`, over tus. When the same file is chosen again, after a reload or an error, it continues where it was.
 *
 * @param onStart called with functions that pause and continue it
 */
export async function transferResumable(file, { auth, onProgress, signal, onStart }) {
  const done = Promise.withResolvers()
  done.promise.catch(() => {}) // it may reject before it is awaited
  const upload = new Upload(file, {
    endpoint: '/upload',
    headers: { authorization: auth },
    metadata: { filename: file.name, filetype: file.type || 'application/octet-stream' },
    retryDelays: [0, 1000, 3000, 5000, 10_000, 20_000],
    removeFingerprintOnSuccess: true,
    onProgress,
    onSuccess: ({ lastResponse }) => done.resolve(JSON.parse(lastResponse.getHeader('Atproto-Blob'))),
    onError: (error) => done.reject(new Error(messageOf(error))),
  })
  signal.addEventListener(
    'abort',
    () => {
      upload.abort(true).catch(() => {}) // then the server forgets it in a day
      done.reject(signal.reason)
    },
    { once: true },
  )
  const [previous] = await upload.findPreviousUploads()
  signal.throwIfAborted()
  if (previous) upload.resumeFromPreviousUpload(previous)
  upload.start()
  onStart({ pause: () => upload.abort(), resume: () => upload.start() })
  return await done.promise
}

/** The server's own message, which says what to do. */
function messageOf(error) {
  try {
    return JSON.parse(error.originalResponse.getBody()).message
  } catch {
    return 'The connection broke. Is the server still there?'
  }
}

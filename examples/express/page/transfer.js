import { XrpcError } from './xrpc.js'

/**
 * Uploads a file. With XMLHttpRequest, because fetch does not report upload progress. Resolves with the blob reference.
 *
 * @param onProgress called with the bytes sent
 * @param signal cancels it
 */
export function transfer(file, { auth, onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', '/xrpc/com.atproto.repo.uploadBlob')
    request.responseType = 'json'
    request.setRequestHeader('authorization', auth)
    request.setRequestHeader('content-type', file.type || 'application/octet-stream')
    request.upload.onprogress = ({ loaded }) => onProgress(Math.min(loaded, file.size))
    request.onload = () => {
      if (request.status === 200) resolve(request.response.blob)
      else reject(new XrpcError(request.response ?? {}, request.status))
    }
    request.onerror = () => reject(new Error('The connection broke. Is the server still there?'))
    request.onabort = () => reject(signal.reason)
    signal.addEventListener('abort', () => request.abort(), { once: true })
    request.send(file)
  })
}

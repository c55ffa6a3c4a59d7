import { accountArgument, accountIn, cidArgument, cidIn } from '../blob-arguments.ts'
import { type StoreCommand, UsageError } from '../command.ts'

export const get: StoreCommand = {
  name: 'get',
  purpose: 'look',
  summary: 'write the bytes of a blob to stdout',
  description:
    'Writes the bytes of a blob to stdout, also of one that is hidden or temporary, and verifies their hash. If they are ' +
    'damaged it fails at the end, so check the exit status. It writes to a file or a pipe, not to a terminal. With --json ' +
    'what is known of the blob is printed to stderr.',
  changes: 'Nothing.',
  arguments: [accountArgument, cidArgument],
  options: [],
  printsBytes: true,
  examples: [
    ['did:plc:… bafkrei… --disk /srv/blobs --sqlite /srv/blobs.sqlite > photo.jpg', 'into a file'],
    ['did:plc:… bafkrei… | sha256sum', 'into a program'],
  ],
  async run(blobs, given, { signal }) {
    const [did, cid] = [accountIn(given), cidIn(given)]
    if (process.stdout.isTTY) {
      throw new UsageError('The bytes of a blob would garble the terminal. Write them to a file: add > file')
    }
    const reading = await blobs.read(did, cid, { as: 'moderator', verify: true, signal })
    await printBytes(reading.chunks)
    const { body: _body, chunks: _chunks, bytes: _bytes, file: _file, ...report } = reading
    const notes = reading.takenDown ? ['This blob is taken down: only moderators may see it'] : []
    return { report, rows: [], problems: [], notes }
  },
}

/** Ends early, without an error, where the reader has closed its end, as `head` does. */
async function printBytes(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const { stdout } = process
  for await (const chunk of chunks) {
    if (!stdout.writable) return
    // Waits until the chunk is written, because it is valid only until the next is requested. An error is no failure.
    await new Promise<void>((resolve) => stdout.write(chunk, () => resolve()))
  }
}

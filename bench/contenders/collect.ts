/** All bytes of a stream in one piece; `look` is called with each chunk as it arrives. */
export async function collect(
  stream: AsyncIterable<Uint8Array>,
  look?: (chunk: Uint8Array) => void,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) {
    look?.(chunk)
    chunks.push(chunk)
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks)
}

// The part of sharp that the worker uses. `decode` returns the bytes.
export function fake(decode) {
  const sharp = (input) => {
    const metadata = async () => ({ autoOrient: { width: 4000, height: 4000 } })
    const image = { metadata, toBuffer: () => decode(input) }
    for (const step of ['autoOrient', 'resize', 'flatten', 'jpeg', 'webp', 'avif', 'toColourspace'])
      image[step] = () => image
    return image
  }
  return Object.assign(sharp, { block() {}, unblock() {}, cache() {}, concurrency() {} })
}

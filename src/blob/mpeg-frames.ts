/** In kbit/s, by layer and index, of MPEG-1 and of MPEG-2. */
const rates: Record<'1' | '2', Record<1 | 2 | 3, readonly number[]>> = {
  1: {
    1: [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  },
  2: {
    1: [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    3: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  },
}
const sampleRates = [44_100, 48_000, 32_000]

/**
 * Whether a second frame follows where the first one says that it ends. Eleven bits begin a frame, which one of two
 * thousand files of noise begins with too. Where the head ends before, or the frame does not tell, it counts as true.
 */
export function framesFollow(head: Uint8Array): boolean {
  const length = frameLength(head)
  if (length === null || length + 2 > head.length) return true
  // The sync word, the version and the layer are the same in all frames.
  return head[length] === 0xff && ((head[length + 1] as number) & 0xfe) === ((head[1] as number) & 0xfe)
}

function frameLength([, second = 0, third = 0, fourth = 0, fifth = 0, sixth = 0]: Uint8Array): number | null {
  const layer = (4 - ((second >> 1) & 3)) as 1 | 2 | 3 | 4
  if (layer === 4) return ((fourth & 3) << 11) | (fifth << 3) | (sixth >> 5) // ADTS says it
  const version = (second >> 3) & 3 // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
  const rate = (rates[version === 3 ? '1' : '2'][layer][third >> 4] ?? 0) * 1000
  const samples = (sampleRates[(third >> 2) & 3] ?? 0) / (version === 3 ? 1 : version === 2 ? 2 : 4)
  if (rate === 0 || samples === 0) return null
  const padding = (third >> 1) & 1
  if (layer === 1) return (Math.floor((12 * rate) / samples) + padding) * 4
  return Math.floor(((layer === 3 && version !== 3 ? 72 : 144) * rate) / samples) + padding
}

import sharp from 'sharp'

// Pictures as phones write them, by sharp: turned, with a colour profile, and with where and by whom they were taken.

const gps = { GPSLatitudeRef: 'N', GPSLatitude: '52/1 31/1 12/1', GPSLongitudeRef: 'E', GPSLongitude: '13/1 24/1 18/1' }
const owner = { Make: 'Phone', Model: 'Nine', Artist: 'Alice Secret', Copyright: 'Alice Secret' }
const xmp =
  '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF exif:GPSLatitude="52,31.2N" dc:creator="Alice Secret"/></x:xmpmeta>'

export type Kind = 'jpeg' | 'png' | 'webp' | 'avif'

export interface PictureOptions {
  places?: boolean
  orientation?: number
  icc?: boolean
}

export async function picture(
  kind: Kind,
  { places = true, orientation = 6, icc = true }: PictureOptions = {},
): Promise<Buffer> {
  const [width, height] = [48, 32]
  const raw = Buffer.from(Array.from({ length: width * height * 3 }, (_, i) => (i * 7 + (i >> 5) * 13) % 256))
  let image = sharp(raw, { raw: { width, height, channels: 3 } })
  if (icc) image = image.withIccProfile('p3')
  image = image.withExif({ IFD0: owner, IFD2: { BodySerialNumber: 'SERIAL-777' }, ...(places && { IFD3: gps }) })
  if (places) image = image.withXmp(xmp)
  return await image.withMetadata({ orientation }).toFormat(kind).toBuffer()
}

/** A picture without any of this. */
export const plain = (kind: Kind, background = '#123456'): Promise<Buffer> =>
  sharp({ create: { width: 8, height: 8, channels: 3, background } })
    .toFormat(kind)
    .toBuffer()

/** The pixels as a viewer shows them: turned, in sRGB. */
export async function shown(bytes: Uint8Array): Promise<string> {
  const { data, info } = await sharp(bytes, { animated: true })
    .autoOrient()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
  return `${info.width}x${info.height} ${data.toString('base64')}`
}

/** Words that must not be left. */
export const secrets: readonly string[] = ['Alice Secret', 'SERIAL-777', 'Phone', 'GPS', 'rdf:RDF']

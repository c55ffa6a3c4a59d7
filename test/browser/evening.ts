import sharp from 'sharp'

/** A large picture, of which there are variants of several sizes. */
export function evening(): Promise<Buffer> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="2400" height="1600">
    <linearGradient id="sky" x2="0" y2="1"><stop stop-color="#26244f"/><stop offset=".45" stop-color="#d1496b"/>
      <stop offset=".7" stop-color="#ffb45c"/></linearGradient>
    <rect width="2400" height="1600" fill="url(#sky)"/><circle cx="1500" cy="1010" r="190" fill="#fff1c9"/>
    <path d="M0 1180 L420 860 L760 1120 L1130 790 L1620 1190 L2010 930 L2400 1160 V1600 H0Z" fill="#4b2a55"/>
    <path d="M0 1380 Q600 1180 1200 1350 T2400 1290 V1600 H0Z" fill="#241a36"/></svg>`
  return sharp(Buffer.from(svg)).jpeg({ quality: 85 }).toBuffer()
}

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

// Creates src/testing/samples/files.ts: complete files that every decoder accepts, as small as ffmpeg can write them.
// They are committed, so this is only run to add one, with Debian's ffmpeg: node scripts/make-samples.ts

const exact = ['-map_metadata', '-1', '-threads', '1', '-flags', '+bitexact', '-fflags', '+bitexact']
const still = ['-f', 'lavfi', '-i', 'color=c=0x3366cc:size=16x16', '-frames:v', '1']
const moving = ['-f', 'lavfi', '-i', 'testsrc2=size=16x16:rate=5', '-t', '1', '-pix_fmt', 'yuv420p']
const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=16000', '-t', '0.1']
// The encoder's own advertisement, which is larger than the video.
const h264 = ['-c:v', 'libx264', '-x264-params', 'threads=1', '-bsf:v', 'filter_units=remove_types=6']

/** By name: the MIME type, and the arguments of ffmpeg. */
const media: Record<string, [mimeType: string, ...options: string[]]> = {
  'blue.jpg': ['image/jpeg', ...still, '-q:v', '8'],
  'blue.png': ['image/png', ...still, '-pix_fmt', 'rgb24'],
  'blue.gif': ['image/gif', ...still],
  'blue.webp': ['image/webp', ...still, '-c:v', 'libwebp'],
  'blue.avif': ['image/avif', ...still, '-c:v', 'libaom-av1', '-still-picture', '1', '-crf', '50'],
  'blue.bmp': ['image/bmp', ...still, '-pix_fmt', 'pal8'],
  'moving.apng': ['image/apng', ...moving, '-pix_fmt', 'pal8', '-plays', '0'],
  'moving.mp4': ['video/mp4', ...moving, ...h264, '-movflags', '+faststart'],
  'moving.mov': ['video/quicktime', ...moving, ...h264],
  'moving.webm': ['video/webm', ...moving, '-c:v', 'libvpx', '-b:v', '10k'],
  'tone.mp3': ['audio/mpeg', ...sound, '-b:a', '16k', '-write_xing', '0', '-id3v2_version', '0'],
  'tone.m4a': ['audio/x-m4a', ...sound, '-c:a', 'aac', '-b:a', '16k', '-f', 'ipod'],
  'tone.ogg': ['audio/ogg', ...sound, '-c:a', 'libopus', '-b:a', '8k'],
  'tone.flac': ['audio/flac', ...sound, '-c:a', 'flac', '-metadata_header_padding', '0'],
  'tone.wav': ['audio/wav', ...sound, '-c:a', 'adpcm_ima_wav'],
}

const pdf = `%PDF-1.1
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj
trailer<</Root 1 0 R>>
%%EOF
`

const others: Record<string, [mimeType: string, bytes: Buffer]> = {
  'page.pdf': ['application/pdf', Buffer.from(pdf)],
  'text.txt.gz': ['application/gzip', gzipSync('Hello, world.\n')],
  'empty.zip': ['application/zip', Buffer.concat([Buffer.from('PK\x05\x06'), Buffer.alloc(18)])],
  'text.txt': ['text/plain', Buffer.from('Hello, world.\n')],
  'page.html': ['text/html', Buffer.from('<!doctype html><title>Hello</title><script>alert(1)</script>\n')],
  'image.svg': [
    'image/svg+xml',
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><script>alert(1)</script></svg>\n'),
  ],
  'data.json': ['application/json', Buffer.from('{"hello":"world"}\n')],
}

const folder = mkdtempSync(join(tmpdir(), 'samples-'))
try {
  const rows = Object.entries(media).map(([fileName, [mimeType, ...options]]) => {
    const path = join(folder, fileName)
    const quiet = ['-nostdin', '-hide_banner', '-loglevel', 'error']
    execFileSync('ffmpeg', [...quiet, '-y', ...options, ...exact, path])
    execFileSync('ffmpeg', [...quiet, '-xerror', '-i', path, '-f', 'null', '-'])
    return rowOf(fileName, mimeType, readFileSync(path))
  })
  for (const [fileName, [mimeType, bytes]] of Object.entries(others)) rows.push(rowOf(fileName, mimeType, bytes))
  const head = '/** Made by scripts/make-samples.ts: name, MIME type, bytes in base64. */'
  const table = `${head}\nexport const files: readonly (readonly [string, string, string])[] = [\n${rows.join('\n')}\n]\n`
  writeFileSync(join(import.meta.dirname, '../src/testing/samples/files.ts'), table)
} finally {
  rmSync(folder, { recursive: true })
}

function rowOf(fileName: string, mimeType: string, bytes: Buffer): string {
  console.log(String(bytes.byteLength).padStart(6), mimeType, fileName)
  return `  ['${fileName}', '${mimeType}', '${bytes.toString('base64')}'],`
}

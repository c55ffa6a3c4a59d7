const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))

/** The canonical CID of DOMAIN.md, and that of no bytes. */
export const someCid = 'bafkreibjfgx2gprinfvicegelk5kosd6y2frmqpqzwqkg7usac74l3t2v4'
export const emptyCid = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

/** Written by ffmpeg for one frame of 16 × 16 pixels: the images whole, the videos up to their first frame. */
export const files: Readonly<Record<string, Uint8Array>> = {
  'image/jpeg': fromBase64(
    '/9j/4AAQSkZJRgABAgAAAQABAAD/2wBDAAgEBAQEBAUFBQUFBQYGBgYGBgYGBgYGBgYHBwcICAgHBwcGBgcHCAgICAkJCQgICAgJCQoKCgwMCwsODg4RERT/xABMAAEBAAAAAAAAAAAAAAAAAAAABgEBAQAAAAAAAAAAAAAAAAAABgcQAQAAAAAAAAAAAAAAAAAAAAARAQAAAAAAAAAAAAAAAAAAAAD/wAARCAAQABADASIAAhEAAxEA/9oADAMBAAIRAxEAPwCLAFF/f//Z',
  ),
  'image/png': fromBase64(
    'iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAACXBIWXMAAAABAAAAAQBPJcTWAAAAF0lEQVR4nGP4y8BAEiJN9aiGUQ1DSgMAfsz9ATa/hGgAAAAASUVORK5CYII=',
  ),
  'image/gif': fromBase64('R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw=='),
  'image/webp': fromBase64(
    'UklGRjwAAABXRUJQVlA4IDAAAADQAQCdASoQABAAAgA0JaACdLoB+AADsAD+8Oj3/yC5YXXI1/8gP+QH/ID/+PIAAAA=',
  ),
  'video/mp4': fromBase64('AAAAHGZ0eXBpc29tAAACAGlzb21pc28ybXA0MQAAAAhmcmVlAAAAHG1kYXQAAAGzABAHAAABthBgUYUG2CyB4A=='),
  'video/quicktime': fromBase64('AAAAFGZ0eXBxdCAgAAACAHF0ICAAAAAId2lkZQAAABxtZGF0AAABswAQBwAAAbYQYFGFBtgsgeA='),
  'video/webm': fromBase64(
    'GkXfo59ChoEBQveBAULygQRC84EIQoKEd2VibUKHgQJChYECGFOAZwEAAAAAAAG/EU2bdLpNu4tTq4QVSalmU6yBoU27i1OrhBZUrmtTrIHGTbuMU6uEElTDZ1OsggEM',
  ),
}

/** How every Windows program begins. */
export const program: Uint8Array = Buffer.concat([
  Buffer.from('MZ\x90\0\x03\0\0\0'),
  Buffer.alloc(56),
  Buffer.from('PE\0\0'),
])

#!/bin/sh
# Creates the small media files that the demo and the tests upload: real files, each below 30 KB, with content of our own.
# They are committed, so this is only run to change them. Needs Debian's ffmpeg:
#   apt-get update && apt-get install -y --no-install-recommends ffmpeg
# The flags keep versions, dates and thread counts out of the output: the same ffmpeg writes the same bytes again.
set -eu
out="$(dirname "$0")/../test/fixtures/media"
mkdir -p "$out"

# render <file> <source filter> [encoder options]
render() {
  file="$out/$1" source="$2"
  shift 2
  ffmpeg -nostdin -hide_banner -loglevel error -y -threads 1 -f lavfi -i "$source" \
    -map_metadata -1 -threads 1 -flags +bitexact -fflags +bitexact "$@" "$file"
}

render sunset.jpg 'gradients=size=320x200:nb_colors=3:c0=0x2b1055:c1=0xd53369:c2=0xffb347:x0=160:y0=0:x1=160:y1=199:seed=1:speed=0.00001' -frames:v 1 -q:v 4
render testcard.png 'testsrc=size=320x200' -frames:v 1 -pix_fmt rgb24
render life.gif 'life=size=64x64:mold=10:rate=10:ratio=0.3:seed=7:life_color=#00c040:death_color=#203020' -t 1
render mandelbrot.webp 'mandelbrot=size=320x200:maxiter=200' -frames:v 1 -c:v libwebp -quality 70
render clip.mp4 'testsrc2=size=160x120:rate=15' -t 1 -c:v libx264 -preset veryslow -crf 30 -pix_fmt yuv420p \
  -x264-params threads=1 -movflags +faststart
render clip.webm 'testsrc2=size=160x120:rate=15' -t 1 -c:v libvpx-vp9 -crf 45 -b:v 0 -pix_fmt yuv420p
render clip.mov 'testsrc2=size=160x120:rate=15' -t 2 -c:v libx264 -preset veryslow -crf 40 -pix_fmt yuv420p \
  -x264-params threads=1
render clip-vp8.webm 'testsrc2=size=160x120:rate=15' -t 2 -c:v libvpx -crf 60 -b:v 20k -pix_fmt yuv420p

# Sounds of two seconds, to play and to seek in.
tone='sine=frequency=440:sample_rate=16000:duration=2'
render tone.mp3 "$tone" -c:a libmp3lame -b:a 16k -write_xing 1
render tone.m4a "$tone" -c:a aac -b:a 16k
render tone.opus.ogg "$tone" -c:a libopus -b:a 16k
render tone.vorbis.ogg "$tone" -c:a libvorbis -q:a 0
render tone.flac "$tone" -c:a flac -sample_fmt s16 -compression_level 12
render tone.wav 'sine=frequency=440:sample_rate=8000:duration=2' -c:a pcm_u8

# For tests of headers: a video with pixels that are not square, and one whose sound comes first.
# 8000x8000.avif beside them is 64 megapixels of red, by sharp: create, then avif({ effort: 0 }).
out="$(dirname "$0")/../test/fixtures/images"
tiny='testsrc2=size=64x48:rate=5:duration=0.4'
mkdir -p "$out"
render wide.webm "$tiny,setsar=2" -c:v libvpx-vp9 -crf 60 -b:v 0
render sound-first.mp4 "$tiny[out0];sine=duration=0.4[out1]" -map 0:a -map 0:v -c:v libx264 -crf 40 -pix_fmt yuv420p \
  -x264-params threads=1 -c:a aac

# For tests of private data: what phones write, where they write it. Needs Debian's libheif-examples and exiftool, too:
#   apt-get install -y --no-install-recommends libheif-examples libimage-exiftool-perl
media="$out/../media" out="$out/../private"
mkdir -p "$out"

# tell <file> <clip> [options]
tell() {
  file="$out/$1" clip="$media/$2"
  shift 2
  ffmpeg -nostdin -hide_banner -loglevel error -y -i "$clip" -c copy -flags +bitexact -fflags +bitexact \
    -metadata creation_time=2026-01-02T03:04:05Z "$@" "$file"
}

tell phone.mp4 clip.mp4 -metadata location='+52.5200+013.4050/' -metadata title='Alice Secret'
exiftool -q -overwrite_original -XMPToolkit= -XMP-dc:Creator='Alice Secret' -XMP-exif:GPSLatitude=52.5 "$out/phone.mp4"
tell phone.mov clip.mov -movflags use_metadata_tags -metadata com.apple.quicktime.make=Phone \
  -metadata com.apple.quicktime.location.ISO6709='+52.5200+013.4050+034.000/'
tell fragmented.mp4 clip.mov -movflags frag_keyframe+empty_moov -metadata location='+52.5200+013.4050/'
picture="$(mktemp)"
cp "$media/sunset.jpg" "$picture"
exiftool -q -overwrite_original -XMPToolkit= -Orientation#=6 -Artist='Alice Secret' -ExifIFD:SerialNumber=SERIAL-777 \
  -GPSLatitude=52.5 -GPSLatitudeRef=N -GPSLongitude=13.4 -GPSLongitudeRef=E -XMP-exif:GPSLatitude=52.5 "$picture"
heif-enc -q 30 "$picture" -o "$out/phone.heic" >/dev/null
rm "$picture"

for file in "$out"/* "$out"/../images/* "$media"/*; do
  size="$(wc -c <"$file")"
  printf '%6d  %s\n' "$size" "${file##*/}"
  [ "$size" -lt 30720 ] || { echo "${file##*/} is not below 30 KB" >&2; exit 1; }
done

import type { Figures } from '../measure/figures.ts'
import type { Samples } from '../measure/samples.ts'
import { workloads } from '../workloads/all.ts'
import { titleOf } from './titles.ts'

interface Chart {
  file: string
  title: string
  work: string
  figure: keyof Figures
  /** Divides the figure. */
  unit?: number
}

const MiB = 1024 ** 2

const charts: readonly Chart[] = [
  { file: 'upload-1k', title: 'Uploads of 1 KiB a second, 16 at once', work: 'upload-1k-16', figure: 'rate' },
  { file: 'upload-50k', title: 'Uploads of 50 KiB a second, 16 at once', work: 'upload-50k-16', figure: 'rate' },
  { file: 'cpu-50k', title: 'CPU time of an upload of 50 KiB, µs', work: 'upload-50k-16', figure: 'cpu' },
  { file: 'stream', title: '1 GiB in one stream, MB/s', work: 'stream-1g', figure: 'bandwidth' },
  { file: 'memory', title: 'Memory above base meanwhile, MiB', work: 'stream-1g', figure: 'memory', unit: MiB },
  { file: 'read-50k', title: 'Readings of 50 KiB a second, 16 at once', work: 'read-50k-16', figure: 'rate' },
  { file: 'http-50k', title: 'Downloads of 50 KiB a second over HTTP', work: 'http-get-50k-16', figure: 'rate' },
]

/** The charts of what was measured. */
export function drawCharts(samples: Samples): { file: string; title: string; svg: string }[] {
  const drawn = []
  for (const { file, title, work, figure, unit = 1 } of charts) {
    const contenders = workloads.find(({ name }) => name === work)?.contenders ?? []
    const bars = contenders.flatMap((contender) => {
      const value = samples.figure(work, contender, figure)
      return value === undefined ? [] : [{ label: titleOf(contender), value: value / unit }]
    })
    if (bars.length > 0) drawn.push({ file: `${file}.svg`, title, svg: draw(title, bars) })
  }
  return drawn
}

const [width, left, right, top, step, thickness] = [720, 270, 70, 44, 30, 20]

/** Horizontal bars, one below the other, ours in colour; readable on light and dark pages. */
function draw(title: string, bars: readonly { label: string; value: number }[]): string {
  const most = Math.max(...bars.map(({ value }) => value))
  const height = top + bars.length * step + 8
  const lines = bars.map(({ label, value }, index) => {
    const y = top + index * step
    const length = Math.max(1, ((width - left - right) * value) / most).toFixed(1)
    const kind = label.startsWith('pds-blobstore') ? 'ours' : 'other'
    return `  <text x="${left - 8}" y="${y + 15}" text-anchor="end">${escapeXml(label)}</text>
  <rect class="${kind}" x="${left}" y="${y}" width="${length}" height="${thickness}" rx="2"/>
  <text x="${left + Number(length) + 6}" y="${y + 15}">${value.toLocaleString('en', { maximumFractionDigits: 0 })}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(title)}">
  <style>
    text { font: 13px system-ui, sans-serif; fill: #24292f }
    .title { font-weight: 600; font-size: 15px }
    .ours { fill: #0969da } .other { fill: #8c959f }
    @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .ours { fill: #4493f8 } .other { fill: #6e7681 } }
  </style>
  <text class="title" x="8" y="24">${escapeXml(title)}</text>
${lines.join('\n')}
</svg>
`
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}

import type { Page } from './pages.ts'

/** A ```ts block of a page. */
export interface Block {
  page: string
  /** The line of its first line of code, from 1. */
  line: number
  code: string
  /** The name by which other blocks of the page import it. */
  file: string
  /** Whether it is also run, not only compiled. */
  run: boolean
  /** What it must print: the ```text block that follows it. */
  output: string | undefined
}

const fence = /^```ts(?<info>.*)\n(?<code>[\s\S]*?)^```$(?:\n+```text\n(?<output>[\s\S]*?)^```$)?/gm

/** ```ts is compiled, ```ts run is run too, ```ts file=store.ts has a name: in any order. */
export function blocksOf({ path, text }: Page): Block[] {
  return [...text.matchAll(fence)].map((match) => {
    const { info = '', code = '', output } = match.groups ?? {}
    const line = text.slice(0, match.index).split('\n').length + 1
    const words = info.split(' ').filter((word) => word !== '')
    const file = words.find((word) => word.startsWith('file='))?.slice('file='.length)
    const odd = words.find((word) => word !== 'run' && word !== `file=${file}`)
    if (odd !== undefined) throw new Error(`${path}:${line - 1}: what is ${odd}? A block is marked run or file=name.ts`)
    return { page: path, line, code, file: file ?? `line-${line}.ts`, run: words.includes('run'), output }
  })
}

/** The examples in the comments of a source file: without the comment markers, on the same lines. */
export function blocksInComments({ path, text }: Page): Block[] {
  return blocksOf({ path, text: text.replaceAll(/^ *\* ?/gm, '') })
}

/** One line on stderr that says what is running and how long the rest will take. */
export class Progress {
  readonly #started = performance.now()
  readonly #total: number
  #done = 0

  constructor(total: number) {
    this.#total = total
  }

  begin(what: string): void {
    const left = this.#done === 0 ? '' : `, ${this.#left()} left`
    this.#write(`[${this.#done + 1}/${this.#total}${left}] ${what}`)
  }

  end(): void {
    this.#done++
  }

  /** A line that stays. */
  say(line: string): void {
    process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${line}\n`)
  }

  finish(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  }

  #left(): string {
    const seconds = ((performance.now() - this.#started) / 1000 / this.#done) * (this.#total - this.#done)
    return seconds < 90 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(0)} min`
  }

  #write(line: string): void {
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`)
  }
}

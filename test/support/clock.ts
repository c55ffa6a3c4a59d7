/** A clock that stands still until it is moved. */
export class Clock {
  time = Date.UTC(2026, 0, 1)
  readonly now = (): number => this.time
  advance(milliseconds: number): void {
    this.time += milliseconds
  }
}

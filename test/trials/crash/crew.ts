import type { ChildOptions } from './child.ts'
import { type Death, Member, within } from './member.ts'
import type { Place } from './place.ts'
import type { Plan } from './steps.ts'

/**
 * How long a process may take to reach its step, at least and at most, and to start or to pause: in milliseconds. Where
 * processes load slowly, the machine is under load, and steps take longer too.
 */
const [patience, mostPatience, longPatience] = [1500, 15_000, 120_000]

/** The processes of a trial. A dead one is replaced by a new one of the same name. */
export class Crew {
  readonly #place: Place
  readonly #options: readonly ChildOptions[]
  readonly #members = new Map<string, Member>()
  readonly #fault: (what: string) => void
  started = 0

  /** `fault` is called for what no process should do. */
  constructor(place: Place, options: readonly ChildOptions[], fault: (what: string) => void) {
    this.#place = place
    this.#options = options
    this.#fault = fault
  }

  get members(): Member[] {
    return [...this.#members.values()]
  }

  /** Starts those that are dead, or were never started; they wait for `go`. */
  fill(): void {
    for (const options of this.#options) {
      if (this.#members.get(options.name)?.dead === false) continue
      this.#members.set(options.name, new Member(options, this.#place))
      this.started += 1
    }
  }

  async go(member: Member, plan: Plan | null = null): Promise<void> {
    if (!(await within(longPatience, member.go(plan)))) this.#fault(`${member.name} does not start`)
  }

  get #patience(): number {
    const slowest = Math.max(...this.members.map(({ loading }) => loading))
    return Math.min(Math.max(patience, slowest), mostPatience)
  }

  /** Lets it work until it has reached the step of the plan, or for so long. */
  async kill(member: Member, plan: Plan | null, milliseconds: number): Promise<void> {
    await this.go(member, plan)
    await within(plan ? this.#patience : milliseconds, member.died)
    await member.kill()
  }

  /** Living processes finish their current operation, and wait. */
  async rest(): Promise<void> {
    const living = this.members.filter((member) => !member.dead)
    await Promise.all(
      living.map(async (member) => {
        if (await member.pause(longPatience)) return
        this.#fault(`${member.name} does not pause`)
        await member.kill()
      }),
    )
  }

  /** Which are dead, and whether they were killed. */
  async dead(): Promise<Member[]> {
    const dead = this.members.filter((member) => member.dead)
    for (const member of dead) {
      const death: Death = await member.died
      if (death.signal === 'SIGKILL') continue
      this.#fault(`${member.name} ended by itself: ${death.signal ?? death.code} ${death.stderr.slice(-2000)}`)
    }
    return dead
  }

  async killAll(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()))
  }
}

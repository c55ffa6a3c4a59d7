/**
 * What is left of an account, or of a folder, cannot be brought along: it is told once, and the rest goes on. Not counted
 * among what fails because something is down.
 */
export class PassedOver extends Error {
  readonly problem: 'unreadable' | 'failed'
  readonly place: string

  constructor(problem: PassedOver['problem'], place: string, cause: Error) {
    super(cause.message, { cause })
    this.problem = problem
    this.place = place
  }
}

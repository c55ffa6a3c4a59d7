import type { Arbitrary, AsyncCommand } from 'fast-check'
import { expect } from 'vitest'
import { type BlobStore, isBlobStoreError } from '../../src/index.ts'
import { type Model, Refused } from './model.ts'
import type { ModelPlace } from './places.ts'

/** The store under test, at its place. */
export class Subject {
  readonly place: ModelPlace
  blobs: BlobStore

  private constructor(place: ModelPlace, blobs: BlobStore) {
    this.place = place
    this.blobs = blobs
  }

  static async at(place: ModelPlace): Promise<Subject> {
    const subject = new Subject(place, place.open())
    await subject.blobs.ready() // a store cannot open within a transaction of the host's
    return subject
  }

  async reopen(): Promise<void> {
    await this.blobs.close()
    this.blobs = this.place.open()
    await this.blobs.ready()
  }
}

/** The same call on both: the store first, then the model. */
export type Question = (subject: Subject, model: Model) => { real: () => Promise<unknown>; modelled: () => unknown }

/** A command of a sequence: both must return the same value, or the store an error that the model allows. */
export class Command implements AsyncCommand<Model, Subject> {
  /** The account that the command is about; undefined for commands about all. */
  readonly did: string | undefined
  readonly #text: string
  readonly #question: Question

  constructor(text: string, did: string | undefined, question: Question) {
    this.#text = text
    this.did = did
    this.#question = question
  }

  check(): boolean {
    return true
  }

  async run(model: Model, subject: Subject): Promise<void> {
    await this.ask(model, subject)
  }

  /** As `run`, and resolves with what the store returned. */
  async ask(model: Model, subject: Subject): Promise<Outcome> {
    const { real, modelled } = this.#question(subject, model)
    const outcome = await outcomeOf(real)
    let expected: unknown
    try {
      expected = { value: modelled() }
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      expected = error.codes.some((code) => code === outcome.code) ? outcome : { code: error.codes.join(' or ') }
    }
    expect(outcome, `${this}`).toEqual(expected)
    return outcome
  }

  toString(): string {
    return this.#text
  }
}

/** Commands with these values. */
export function command<T extends object>(
  values: Arbitrary<T>,
  text: (values: T) => string,
  ask: (values: T) => Question,
): Arbitrary<Command> {
  return values.map((value) => {
    const did = 'did' in value && typeof value.did === 'string' && value.did !== '*' ? value.did : undefined
    return new Command(text(value), did, ask(value))
  })
}

export const nameOf = (did: string): string => did.replace('did:plc:', '')

export interface Outcome {
  value?: unknown
  code?: string
}

async function outcomeOf(real: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await real() }
  } catch (error) {
    if (isBlobStoreError(error)) return { code: error.code }
    throw error
  }
}

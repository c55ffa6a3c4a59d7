/**
 * The steps of the protocol at which a process is killed: calls to the backend and to the metadata, by what the process
 * does. A step of the library that is missing here is hit only at random: add it when you add one. `giveUp` is for uploads
 * that fail after they were stored, which the trial of faults kills at.
 */
export const writerSteps = [
  'reserve',
  'spool',
  'fill', // a write to the spool
  'admit',
  'intend',
  'put',
  'commit',
  'discard', // of a spool
  'release',
  'applyReferences',
  'dropSomeOfSpace',
  'takedown',
  'reverseTakedown',
  'markDeleted',
  'deleteSome',
  'reopen',
] as const

export const collectorSteps = [
  'readMarker',
  'identity',
  'nextEpoch',
  'writeMarker',
  'unfinishedDeletions',
  'expiredBlobs',
  'collectBlobs',
  'expiredUploads',
  'collectUpload',
  'dueKeys',
  'delete',
  'forgetKeys',
  'list',
  'noteUnknown',
  'doomNoted',
  'forgetNotes',
  'sweepSpools',
  'markVerified', // by a scrub
  'recount',
] as const

export type Step = (typeof writerSteps)[number] | (typeof collectorSteps)[number]

export const moments = ['before', 'during', 'after'] as const
export type Moment = (typeof moments)[number]

/** Where a process kills itself. */
export interface Plan {
  step: Step
  moment: Moment
  /** At which call of the step, counted from 1. */
  call: number
  /** Counting begins so many milliseconds after the process began to work. */
  after: number
}

import { byId, element } from './element.js'
import { remember } from './local-files.js'
import { notify } from './notice.js'
import { resumableAbove, transferResumable } from './resumable.js'
import { sizeText, timeText } from './text.js'
import { transfer } from './transfer.js'

/** How many uploads run at once; the others wait. */
const atOnce = 3
const waiting = []
const lines = new Set()
let running = 0

/** When another user is chosen. */
export function cancelUploads() {
  for (const { cancel } of lines) cancel()
}

/** Uploads the files, with a line for each. */
export function upload(files, session, onUploaded) {
  for (const file of files) {
    const line = lineFor(file)
    lines.add(line)
    byId('uploads').append(line.item)
    waiting.push(() => run(file, line, session, onUploaded))
  }
  next()
}

function next() {
  while (running < atOnce && waiting.length > 0) {
    running += 1
    waiting
      .shift()()
      .finally(() => {
        running -= 1
        next()
      })
  }
}

async function run(file, line, session, onUploaded) {
  if (line.signal.aborted) return
  const started = performance.now()
  try {
    const { signal } = line
    const onProgress = (sent) => line.show(sent, (performance.now() - started) / 1000)
    const send = file.size > resumableAbove ? transferResumable : transfer
    const blob = await send(file, { auth: session.auth, signal, onProgress, onStart: line.allowPause })
    remember(blob.ref.$link, file)
    line.remove()
    notify(`${file.name} is uploaded`)
    onUploaded(blob)
  } catch (error) {
    if (line.signal.aborted) return
    line.fail(error, () => {
      line.remove()
      upload([file], session, onUploaded)
    })
  }
}

function lineFor(file) {
  const canceller = new AbortController()
  const state = element('span', { className: 'quiet', textContent: 'waiting' })
  const progress = element('progress', { max: 1, value: 0, 'aria-label': `${file.name}: uploaded` })
  const cancel = element('button', { type: 'button', textContent: 'Cancel', 'aria-label': `Cancel ${file.name}` })
  const name = element('strong', { textContent: file.name })
  const item = element('li', {}, element('div', { className: 'about' }, name, state), cancel, progress)
  const line = {
    item,
    signal: canceller.signal,
    remove() {
      lines.delete(line)
      item.remove()
    },
    cancel() {
      canceller.abort(new Error('cancelled'))
      line.remove()
    },
    show(sent, seconds) {
      progress.value = file.size === 0 ? 1 : sent / file.size
      const left = (seconds / sent) * (file.size - sent)
      const isSent = sent >= file.size
      state.textContent = isSent
        ? 'being stored'
        : `${sizeText(sent)} of ${sizeText(file.size)}, ${timeText(left)} left`
    },
    allowPause({ pause, resume }) {
      const button = element('button', { type: 'button' })
      const set = (text, onclick) => {
        button.textContent = text
        button.setAttribute('aria-label', `${text} ${file.name}`)
        button.onclick = onclick
      }
      const running = () =>
        set('Pause', () => {
          pause()
          state.textContent = 'paused'
          set('Continue', () => {
            resume()
            running()
          })
        })
      running()
      cancel.before(button)
      line.pause = button
    },
    fail(error, again) {
      line.pause?.remove()
      item.classList.add('failed')
      item.setAttribute('role', 'alert')
      state.textContent = error.message
      progress.remove()
      cancel.textContent = 'Dismiss'
      cancel.setAttribute('aria-label', `Dismiss ${file.name}`)
      cancel.onclick = line.remove
      const retry = { type: 'button', textContent: 'Try again', 'aria-label': `Try ${file.name} again`, onclick: again }
      cancel.before(element('button', retry))
    },
  }
  cancel.onclick = () => {
    line.cancel()
    notify(`${file.name} is cancelled`)
    byId('choose').focus()
  }
  return line
}

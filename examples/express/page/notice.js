import { byId } from './element.js'

let timer

/** Says something in passing; screen readers hear it. */
export function notify(text, { isError = false } = {}) {
  const notice = byId('notice')
  clearTimeout(timer)
  notice.textContent = text
  notice.classList.toggle('error', isError)
  if (!isError) timer = setTimeout(() => notice.replaceChildren(), 6000)
}

/** Runs what the user has asked for; the error that it ends in is shown as the server words it. */
export async function attempt(work) {
  try {
    return await work()
  } catch (error) {
    notify(error.message, { isError: true })
  }
}

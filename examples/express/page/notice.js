import { byId } from './element.js'

let timer

/** Shows a short notice; screen readers read it aloud. */
export function notify(text, { isError = false } = {}) {
  const notice = byId('notice')
  clearTimeout(timer)
  notice.textContent = text
  notice.classList.toggle('error', isError)
  if (!isError) timer = setTimeout(() => notice.replaceChildren(), 6000)
}

/** Runs a user's action; an error is shown in the server's words. */
export async function attempt(work) {
  try {
    return await work()
  } catch (error) {
    notify(error.message, { isError: true })
  }
}

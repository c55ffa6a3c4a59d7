// In the page: the elements that a chain of steps leads to, as a locator of playwright finds them.

const roles = {
  button: 'button',
  checkbox: 'input[type=checkbox]',
  dialog: 'dialog[open]',
  group: 'fieldset',
  listitem: 'li',
  radio: 'input[type=radio]',
}
const textOf = (node) => node.textContent.replace(/\s+/g, ' ').trim()
const shown = (node) => node.checkVisibility({ visibilityProperty: true })
const nameOf = (node) =>
  node.ariaLabel || node.labels?.[0]?.textContent.trim() || node.querySelector('legend')?.textContent || textOf(node)

function fits(text, { source, flags, word, exact }) {
  if (source !== undefined) return new RegExp(source, flags).test(text)
  return exact ? text === word : text.toLowerCase().includes(word.toLowerCase())
}

const steps = {
  css: (from, { css }) => [...from.querySelectorAll(css)],
  role: (from, { role, name }) =>
    [...from.querySelectorAll(roles[role])].filter((node) => shown(node) && (!name || fits(nameOf(node), name))),
  label: (from, { label }) => [...from.querySelectorAll('input')].filter((node) => fits(nameOf(node), label)),
  // The innermost element with the text.
  text: (from, { text }) => {
    const all = [...from.querySelectorAll('*')].filter((node) => fits(textOf(node), text))
    return all.filter((node) => !all.some((other) => other !== node && node.contains(other)))
  },
}

export function find(chain) {
  let found = [document.body]
  for (const step of chain) {
    if (step.has) found = found.filter((node) => fits(textOf(node), step.has))
    else if (step.visible) found = found.filter(shown)
    else if (step.nth !== undefined) found = found.slice(step.nth, step.nth === -1 ? undefined : step.nth + 1)
    else found = [...new Set(found.flatMap((node) => steps[step.by](node, step)))]
  }
  return found
}

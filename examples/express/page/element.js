/** The element of the page with this id. */
export const byId = (id) => document.getElementById(id)

/**
 * A new element. `props` are its properties, those with a dash or in capital letters its attributes; what a client has
 * sent gets in as text only.
 */
export function element(name, props = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(props)) {
    if (key.includes('-') || key === 'role') made.setAttribute(key, value)
    else made[key] = value
  }
  made.append(...children.filter((child) => child !== undefined && child !== null))
  return made
}

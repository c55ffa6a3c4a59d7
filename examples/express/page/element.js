/** The element of the page with this id. */
export const byId = (id) => document.getElementById(id)

/**
 * A new element. `props` are its properties; names with a dash or in capital letters are its attributes. What a client
 * has sent is inserted only as text.
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

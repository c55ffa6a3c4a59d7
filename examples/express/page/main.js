import { byId, element } from './element.js'
import { prepareFriends } from './friends.js'
import { prepareModerator, showAll } from './moderator.js'
import { attempt } from './notice.js'
import { prepareOwn, showOwn } from './own.js'
import { logIn, people } from './people.js'
import { seeAs } from './private-files.js'
import { cancelUploads } from './uploads.js'

/** The user to log in: the one that was chosen last. */
let chosen

function radio(name) {
  const input = element('input', { type: 'radio', name: 'person', value: name, onchange: () => choose(name) })
  return element('label', {}, input, element('span', { textContent: name }))
}

function choose(name) {
  chosen = name
  // Only the address stores the user: no token is stored where a script could find it.
  history.replaceState(null, '', `#${name.toLowerCase()}`)
  byId('people').querySelector(`[value="${name}"]`).checked = true
  cancelUploads()
  return attempt(async () => {
    const session = await logIn(name)
    if (chosen !== name) return
    seeAs(session)
    await (session.isModerator ? showAll(session) : showOwn(session))
    if (chosen !== name) return
    byId('nobody').hidden = true
    byId('own').hidden = session.isModerator === true
    byId('all').hidden = session.isModerator !== true
  })
}

byId('people').append(...people.map(radio))
prepareOwn()
prepareFriends()
prepareModerator()
const known = people.find((name) => `#${name.toLowerCase()}` === location.hash)
if (known) choose(known)

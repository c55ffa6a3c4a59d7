/**
 * Node's `require` as the module at `from` has it: a path, or a `file:` URL. Not imported from `node:module`, because
 * webpack would replace it by its own, which knows only what is in the bundle.
 */
export function requireFrom(from: string): NodeJS.Require {
  return process.getBuiltinModule('node:module').createRequire(from)
}

// In a page without a policy: every way to make a browser take a file for code, or show it.

const settled = (promise) => Promise.race([promise.catch(() => {}), new Promise((resolve) => setTimeout(resolve, 700))])

const put = (name, attributes) =>
  new Promise((resolve) => {
    const made = document.createElement(name)
    made.onload = made.onerror = resolve
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
    document.body.append(made)
  })

const show = {
  image: (src) => put('img', { src }),
  fetch: (address) => fetch(address).then((response) => response.text()),
  prefetch: (href) => put('link', { rel: 'prefetch', href }),
  frame: (src) => put('iframe', { src }),
  object: (data) => put('object', { data }),
  embed: (src) => put('embed', { src }),
}

const run = {
  script: (src) => put('script', { src }),
  module: (src) => put('script', { src, type: 'module' }),
  preloaded: (href) => put('link', { rel: 'modulepreload', href }).then(() => import(href)),
  import: (address) => import(`${address}&import`),
  style: (href) => put('link', { rel: 'stylesheet', href }),
  worker: async (address) => new Worker(address),
  moduleWorker: async (address) => new Worker(address, { type: 'module' }),
  sharedWorker: async (address) => new SharedWorker(address),
  inWorker: async (address) => new Worker(URL.createObjectURL(new Blob([`importScripts('${address}')`]))),
  serviceWorker: (address) => navigator.serviceWorker.register(address),
  audioWorklet: (address) => new AudioContext().audioWorklet.addModule(address),
}

/** Shows it first, so that it is in the browser's caches. */
globalThis.include = async (address) => {
  await Promise.all(Object.values(show).map((way) => settled(way(address))))
  await Promise.all(Object.values(run).map((way) => settled(way(address))))
  await new Promise((resolve) => setTimeout(resolve, 500))
}

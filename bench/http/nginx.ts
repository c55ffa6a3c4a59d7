import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../test/servers/free-port.ts'

/** Where nginx has the files of the store. */
export const storeLocation = '/pds-blobs/'

export function hasNginx(): boolean {
  return spawnSync('nginx', ['-v']).status === 0
}

/** What nginx does: it sends a folder's files, or it is before a server, and sends the files of its store if asked to. */
export type NginxTask = { root: string } | { before: number; store: string }

/** nginx in one process, configured for speed: sendfile, connections that stay open, and no log. */
export async function startNginx(folder: string, task: NginxTask): Promise<{ port: number; process: ChildProcess }> {
  const port = await freePort()
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'nginx.conf'), configuration(folder, task, port))
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')]
  const child = spawn('nginx', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  for (let tries = 0; tries < 100; tries++) {
    const answers = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    )
    if (answers) return { port, process: child }
    await sleep(50)
  }
  child.kill('SIGKILL')
  throw new Error('nginx did not start')
}

const configuration = (folder: string, task: NginxTask, port: number): string => `
daemon off;
master_process off;
pid ${folder}/pid;
events { worker_connections 512; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  default_type image/jpeg;
  open_file_cache max=10000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${'before' in task ? `upstream pds { server 127.0.0.1:${task.before}; keepalive 64; keepalive_requests 100000000; }` : ''}
  server {
    listen 127.0.0.1:${port};
    ${'before' in task ? beforeServer(task.store) : `root ${task.root};`}
  }
}
`

/** As in docs/proxies.md. */
const beforeServer = (store: string): string => `
    location / {
      proxy_pass http://pds;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
    location ${storeLocation} {
      internal;
      alias ${store}/;
      etag off;
      add_header Last-Modified "";
      add_header ETag $upstream_http_etag;
      add_header Content-Security-Policy $upstream_http_content_security_policy always;
      add_header X-Content-Type-Options $upstream_http_x_content_type_options always;
    }
`

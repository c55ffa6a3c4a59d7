import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const fileSystems = ['ext4', 'xfs'] as const
export type FileSystem = (typeof fileSystems)[number]

/** xfs cannot be smaller than 300 MiB; the image is sparse. */
const imageSize = 320 * 1024 * 1024

const makers: Record<FileSystem, readonly string[]> = { ext4: ['mkfs.ext4', '-q', '-F'], xfs: ['mkfs.xfs', '-q', '-f'] }

/** A file system in a separate image file, whose power can be cut. */
export class Volume {
  readonly folder: string
  readonly #image: string
  #mounted = false

  constructor(home: string, name: string) {
    this.folder = join(home, name)
    this.#image = join(home, `${name}.img`)
    mkdirSync(this.folder)
  }

  /** Starts with an empty file system. */
  async make(fileSystem: FileSystem): Promise<void> {
    await this.unmount()
    rmSync(this.#image, { force: true })
    writeFileSync(this.#image, '')
    truncateSync(this.#image, imageSize)
    const [maker = '', ...args] = makers[fileSystem]
    await run(maker, [...args, this.#image])
    await this.mount()
  }

  /** What the file system has not yet written to its device is lost; every call fails from then on. */
  async cut(): Promise<void> {
    await run('xfs_io', ['-x', '-c', 'shutdown', this.folder])
  }

  /** Mounting recovers the journal. */
  async mount(): Promise<void> {
    await run('mount', ['-o', 'loop', this.#image, this.folder])
    this.#mounted = true
  }

  /** A process that was killed may hold it for a moment. */
  async unmount(): Promise<void> {
    for (let tries = 50; this.#mounted; tries--) {
      try {
        await run('umount', [this.folder])
        this.#mounted = false
      } catch (error) {
        if (tries === 0) throw error
        await sleep(100)
      }
    }
  }
}

/** Why the power cannot be cut here, if so. */
export function whyNot(fileSystem: FileSystem): string | null {
  if (process.platform !== 'linux') return 'loop mounts need Linux'
  if (process.getuid?.() !== 0) return 'mounting needs root'
  for (const tool of [makers[fileSystem][0] ?? '', 'xfs_io', 'mount']) {
    if (spawnSync(tool, ['-V']).error) return `${tool} is missing (Debian: xfsprogs, e2fsprogs)`
  }
  return null
}

/** Whether a mount of that kind succeeds: a container's root may not be allowed to. */
export async function tryMount(home: string, fileSystem: FileSystem): Promise<string | null> {
  const volume = new Volume(home, `try-${fileSystem}`)
  try {
    await volume.make(fileSystem)
    await volume.cut()
    return null
  } catch (error) {
    return `${fileSystem} cannot be mounted and shut down: ${error instanceof Error ? error.message.trim() : error}`
  } finally {
    await volume.unmount()
  }
}

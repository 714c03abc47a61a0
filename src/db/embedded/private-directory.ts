import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** sun_path has 108 bytes on Linux and 104 on macOS, with the closing zero; the name of the socket is added to it. */
export const MAX_SOCKET_PATH = 103

export interface PrivateDirectory {
  path: string
  remove (): void
}

/**
 * A new directory that only this user may enter, for sockets; the caller has locked `parent`. It lies inside `parent` where
 * the path stays short enough for the kernel, otherwise in the system's directory for temporary files.
 */
export function privateDirectory (parent: string, longestName: string): PrivateDirectory {
  const near = join(parent, 'run')
  if (Buffer.byteLength(join(near, longestName)) <= MAX_SOCKET_PATH) {
    // A process that was killed leaves its sockets, and nobody can listen where a file is.
    rmSync(near, { recursive: true, force: true })
    mkdirSync(near, { mode: 0o700 })
    return { path: near, remove: () => rmSync(near, { recursive: true, force: true }) }
  }
  const far = mkdtempSync(join(tmpdir(), 'weconnect-'))
  return { path: far, remove: () => rmSync(far, { recursive: true, force: true }) }
}

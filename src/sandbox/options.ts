import { createRequire } from 'node:module'
import { dirname, join, parse } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The programs are plain JavaScript beside this file, in the sources as in the build. */
const CHILD = fileURLToPath(new URL('child/', import.meta.url))

/** Characters of one answer. */
export const MAX_ANSWER = 16 * 1024 * 1024
/** Bytes of the longest message that a process is believed: an answer whose every character takes three, and its log. */
export const MAX_ANSWER_BYTES = 4 * MAX_ANSWER
/** Megabytes of Node's own heap in the process: the items of a message, and the answer. */
const HEAP = 256

const { resolve } = createRequire(import.meta.url)
/** luxon as a script, which QuickJS takes. */
const LUXON = join(dirname(resolve('luxon/package.json')), 'build/global/luxon.min.js')

/** What the process may read: its programs, the interpreter, the descriptions of packages on the way to it, and luxon. */
function readable (): string[] {
  return [CHILD, LUXON, ...['quickjs-emscripten-core', '@jitl/quickjs-wasmfile-release-sync', '@jitl/quickjs-ffi-types'].map(name => join(dirname(resolve(name)), '..') + '/')]
}

/**
 * How the process is started. Its environment is empty and its working directory the root; Node's permission model takes
 * files, child processes, threads and addons away from it, as a wall behind the wall: code runs in QuickJS in WebAssembly.
 * One helper thread is enough for its collector and compiler, and does not take all cores from others while it starts.
 */
export function startOf (memory: number): { command: string, args: string[], cwd: string } {
  const permission = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'
  return {
    command: process.execPath,
    args: [
      '--no-warnings', '--no-addons', '--v8-pool-size=1', '--disable-proto=delete', '--disallow-code-generation-from-strings', `--max-old-space-size=${HEAP}`,
      permission, ...readable().map(path => `--allow-fs-read=${path}`),
      join(CHILD, 'main.js'), String(memory), String(MAX_ANSWER), LUXON
    ],
    cwd: parse(process.execPath).root
  }
}

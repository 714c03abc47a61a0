// `npm test`: tap, with what it is given. tap brings a compiler of its own, which every process of a test would load for nothing
// (a second of CPU each, see scripts/typescript for what compiles): the variable is its off switch, but tap sets it back
// for Node 20, so it is set again at the start of each process, before tap's part is loaded.
import { spawnSync } from 'node:child_process'

const SWITCH = '--import=data:text/javascript,process.env.TAP_TYPE_STRIP_ONLY=1'

const { status } = spawnSync('tap', ['--disable-coverage', '--reporter=terse', ...process.argv.slice(2)], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
  env: { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${SWITCH}`.trim() }
})
process.exitCode = status ?? 1

import { stderr, stdout } from 'node:process'
import { runDemo } from './demo.ts'

/** `npm run demo`: WeConnect in a terminal, from an empty directory to finished executions. Leaves nothing behind. */
const LIMIT = 60_000

// Nothing that hangs may hang for ever.
setTimeout(() => {
  stderr.write(`The demo failed: it was not over after ${LIMIT / 1000} s.\n`)
  process.exit(1)
}, LIMIT).unref()

try {
  await runDemo({
    // https://no-color.org
    colours: stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
    print: line => { stdout.write(`${line}\n`) }
  })
} catch (error) {
  stderr.write(`The demo failed: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

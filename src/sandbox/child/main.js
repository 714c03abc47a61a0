// @ts-check
// The process that runs the code of code nodes: one message at a time, from its standard input to its standard output.
import { FrameReader, encodeFrame } from './frames.js'
import { createRuns } from './runs.js'

/** The parent bounds what it sends; this bounds what a mistake in it may cost. */
const MAX_MESSAGE = 256 * 1024 * 1024

// Whoever stops the service stops it: a terminal and systemd send signals to all of its processes at once, and the code that runs shall end in order.
for (const signal of /** @type {const} */(['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, () => {})
// The parent is gone.
process.stdin.on('end', () => process.exit(0))
process.stdin.on('error', () => process.exit(0))
process.stdout.on('error', () => process.exit(0))
process.env['TZ'] = 'UTC'

const [memory, maxAnswer, luxon] = /** @type {[string, string, string]} */(process.argv.slice(2))
const run = await createRuns({ memory: Number(memory), maxAnswer: Number(maxAnswer), luxon })
// The first run compiles the interpreter: better before anybody waits.
await run(['{"timeout":10000}', '{"mode":"each","items":1,"at":0,"nodes":{}}', '"console.log($json); return { json: { a: 1 } }"', '{"json":{}}'].join('\n'))
const reader = new FrameReader(MAX_MESSAGE)

process.stdin.on('data', chunk => {
  for (const message of reader.push(chunk)) void run(message).then(answer => { process.stdout.write(encodeFrame(answer)) })
})
process.stdout.write(encodeFrame('ready'))

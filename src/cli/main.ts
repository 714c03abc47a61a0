import { tailCommand, USAGE, type Terminal } from './tail.ts'

const HELP = `Usage: weconnect <command> [options]

Commands:
  tail    show live what executions do
  keys    the keys that seal credentials: list, rotate
  quotas  what organizations may have: show, set

weconnect <command> --help tells more.
`

const terminal: Terminal = {
  env: process.env,
  // https://no-color.org
  colours: process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
  out: line => { process.stdout.write(`${line}\n`) },
  err: line => { process.stderr.write(`${line}\n`) }
}

// The reader of a pipe may leave, as `head` does: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => { process.exit(error.code === 'EPIPE' ? 0 : USAGE) })

const [command, ...args] = process.argv.slice(2)
switch (command) {
  case 'tail':
    process.exitCode = await tailCommand(args, terminal)
    break
  case undefined:
  case 'help':
  case '-h':
  case '--help':
    terminal.out(HELP.trimEnd())
    process.exitCode = command === undefined ? USAGE : 0
    break
  default:
    terminal.err(`weconnect: there is no command "${command}"\nSee: weconnect --help`)
    process.exitCode = USAGE
}

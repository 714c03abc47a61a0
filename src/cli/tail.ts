import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatEvent, formatJson } from './format-event.ts'
import { tailEvents, TailRefused, TailUnreachable, type EventFrame, type TailTarget } from './tail-client.ts'

/** What a command needs of its surroundings. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly colours: boolean
  out (line: string): void
  err (line: string): void
}

export const TAIL_HELP = `Usage: weconnect tail <executionId | workflowId> [options]
       weconnect tail --organization [options]

Prints what happens, live. An execution is shown from its first event to its last; a workflow
or the organization from now on, until you stop it with Ctrl-C. A connection that breaks is
made again, and goes on where it was.

Options:
  --organization    all executions of the organization that the key belongs to
  --url <url>       address of WeConnect (default: http://127.0.0.1:3000)
  --key <key>       API key (default: WECONNECT_API_KEY, else the file api-key in the data
                    directory, WECONNECT_DATA_DIR or .weconnect)
  --json            print each event as a line of JSON
  -h, --help        this text

Colours are off when the output is no terminal, or NO_COLOR is set.

Exit status: 0 the execution succeeded; 1 it failed, was cancelled or timed out; 2 it could
not be tailed, for the reason given.
`

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const SUCCESS = 0
const FAILURE = 1
export const USAGE = 2
const DEFAULT_URL = 'http://127.0.0.1:3000'

class UsageError extends Error {}

interface Command {
  readonly target: { readonly id: string } | 'organization'
  readonly url: string
  readonly apiKey: string
  readonly json: boolean
}

/** @returns the exit status */
export async function tailCommand (args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const command = parseCommand(args, terminal)
    if (command === 'help') {
      terminal.out(TAIL_HELP.trimEnd())
      return SUCCESS
    }
    return await run(command, terminal)
  } catch (error) {
    terminal.err(`weconnect tail: ${explain(error)}`)
    return USAGE
  }
}

function parseCommand (args: readonly string[], { env }: Terminal): Command | 'help' {
  const { values, positionals } = parse(args)
  if (values.help === true) return 'help'
  const [id, ...others] = positionals
  if (others.length > 0) throw new UsageError(`only one id can be tailed, and ${positionals.length} were given`)
  if (id === undefined && values.organization !== true) throw new UsageError('name an execution or a workflow by its id, or say --organization')
  if (id !== undefined && values.organization === true) throw new UsageError('give either an id or --organization')
  if (id !== undefined && !UUID.test(id)) throw new UsageError(`"${id}" is not an id; ids look like 01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b`)
  const url = values.url ?? DEFAULT_URL
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new UsageError(`--url "${url}" is not an address such as ${DEFAULT_URL}`)
  return { target: id === undefined ? 'organization' : { id }, url, apiKey: values.key ?? apiKeyOf(env), json: values.json === true }
}

function parse (args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        organization: { type: 'boolean' }, url: { type: 'string' }, key: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' }
      }
    })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function apiKeyOf (env: Terminal['env']): string {
  if (env['WECONNECT_API_KEY']) return env['WECONNECT_API_KEY']
  const file = join(env['WECONNECT_DATA_DIR'] ?? '.weconnect', 'api-key')
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    throw new UsageError(`there is no API key: give --key, set WECONNECT_API_KEY, or start where ${file} is`)
  }
}

async function run (command: Command, terminal: Terminal): Promise<number> {
  const { target } = command
  if (target === 'organization') return await print(command, { organization: true }, terminal)
  try {
    return await print(command, { executionId: target.id }, terminal)
  } catch (error) {
    if (!(error instanceof TailRefused) || error.code !== 'WC_NOT_FOUND') throw error
  }
  try {
    return await print(command, { workflowId: target.id }, terminal)
  } catch (error) {
    if (!(error instanceof TailRefused) || error.code !== 'WC_NOT_FOUND') throw error
    throw new UsageError(`there is no execution and no workflow ${target.id} in the organization of this key`)
  }
}

async function print ({ url, apiKey, json }: Command, target: TailTarget, terminal: Terminal): Promise<number> {
  const showExecution = !('executionId' in target)
  let last: EventFrame | undefined
  const events = tailEvents({
    url,
    apiKey,
    target,
    onDisconnected: (reason, delay) => { terminal.err(`weconnect tail: ${reason}; trying again in ${(delay / 1000).toFixed(1)} s`) }
  })
  for await (const frame of events) {
    terminal.out(json ? formatJson(frame) : formatEvent(frame, { colours: terminal.colours, showExecution }))
    last = frame
  }
  return last?.event.type === 'execution.succeeded' ? SUCCESS : FAILURE
}

function explain (error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\nSee: weconnect tail --help`
  if (error instanceof TailUnreachable) return `WeConnect cannot be reached (${error.message}).\nIs it running there? Start it with "npm start", or give its address with --url.`
  if (error instanceof TailRefused) {
    return error.code === 'WC_UNAUTHENTICATED'
      ? `${error.message}\nGive a valid API key with --key or WECONNECT_API_KEY; POST /v1/api-keys makes one.`
      : `${error.message} (${error.code})`
  }
  return error instanceof Error ? error.message : String(error)
}

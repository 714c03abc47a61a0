import type { EventFrame } from './tail-client.ts'

type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'cyan' | 'grey' | 'bold'
const CODES: Readonly<Record<Colour, number>> = { bold: 1, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36, grey: 90 }
// What a workflow logs may come from anybody: escape sequences must not reach the terminal.
const CONTROLS = /[\p{Cc}\p{Bidi_Control}]/gu
const MAX_DETAIL = 500
const TYPE_WIDTH = 20

/** One line for people. */
export function formatEvent ({ at, executionId, seq, event }: EventFrame, { colours, showExecution }: { colours: boolean, showExecution: boolean }): string {
  const paint = (colour: Colour, text: string): string => colours ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text
  const parts = [
    paint('grey', printable(at.slice(11, 23))),
    ...(showExecution ? [paint('blue', printable(executionId))] : []),
    paint('grey', `#${seq}`.padStart(4)),
    paint(colourOf(event), printable(event.type).padEnd(TYPE_WIDTH)),
    ...(event.nodeId === undefined ? [] : [paint('bold', printable(event.nodeId))]),
    printable(detailOf(event))
  ]
  return parts.filter(part => part !== '').join('  ').trimEnd()
}

/** JSON on a line of its own, for programs. */
export function formatJson (frame: EventFrame): string {
  return JSON.stringify(frame).replace(CONTROLS, escapeControl)
}

function colourOf ({ type, level }: EventFrame['event']): Colour {
  if (type.endsWith('.failed') || type.endsWith('.timedOut') || level === 'error') return 'red'
  if (type.endsWith('.succeeded')) return 'green'
  if (type === 'step.retrying' || type.endsWith('.cancelled') || type.endsWith('.waiting') || level === 'warn') return 'yellow'
  return type === 'step.skipped' ? 'grey' : 'cyan'
}

function detailOf (event: EventFrame['event']): string {
  const { error, itemCounts, message, until, attempt, run, trigger, version, reason } = event
  const said: string[] = []
  if (typeof run === 'number' && run > 0) said.push(`run ${run}`)
  if (typeof attempt === 'number' && attempt > 1) said.push(`attempt ${attempt}`)
  if (isRecord(itemCounts)) said.push(...Object.entries(itemCounts).map(([output, count]) => `${output}: ${String(count)}`))
  if (isRecord(error)) said.push(`${String(error['code'])} ${String(error['message'])}`)
  if (typeof until === 'string') said.push(`again at ${until.slice(11, 19)}`)
  if (typeof trigger === 'string') said.push(`${trigger}, version ${String(version)}`)
  for (const text of [message, reason]) if (typeof text === 'string') said.push(text)
  return said.join(', ').slice(0, MAX_DETAIL)
}

function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function printable (text: string): string {
  return text.replace(CONTROLS, escapeControl)
}

function escapeControl (character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

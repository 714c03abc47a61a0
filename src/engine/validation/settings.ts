import { compileParameters } from '../expression/index.ts'
import { isTimeZone } from '../time-zone.ts'
import type { Report } from './report.ts'

export function checkSettings (definition: unknown, report: Report): void {
  const settings = (definition as { settings?: unknown } | null)?.settings
  if (typeof settings !== 'object' || settings === null) return
  const { timeZone } = settings as { timeZone?: unknown }
  if (typeof timeZone === 'string' && !isTimeZone(timeZone)) report.error('/settings/timeZone', 'WC_TIME_ZONE', 'is no IANA time zone, such as Europe/Paris')
  checkConcurrency((settings as { concurrency?: unknown }).concurrency, report)
}

/** The key is computed before anything runs, from the trigger's item. */
function checkConcurrency (concurrency: unknown, report: Report): void {
  if (typeof concurrency !== 'object' || concurrency === null) return
  const { key, keyLimit } = concurrency as { key?: unknown, keyLimit?: unknown }
  if (keyLimit !== undefined && key === undefined) report.error('/settings/concurrency/keyLimit', 'WC_CONCURRENCY_KEY', 'limits the executions of one key, and there is no key')
  const pointer = '/settings/concurrency/key'
  if (typeof key !== 'string' || report.hasErrorAt(pointer)) return
  const { errors: [error], references: [reference] } = compileParameters({ key })
  if (error !== undefined) report.error(pointer, error.code, `${error.message} (at character ${error.position + 1})`)
  else if (reference !== undefined) report.error(pointer, 'WC_CONCURRENCY_KEY', `is computed before any node has run, so it cannot refer to ${JSON.stringify(reference.nodeId)}`)
}

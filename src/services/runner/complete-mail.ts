import type { StoredValue } from '../../engine/stored-values.ts'
import type { Message } from '../../db/queries/inbox.ts'
import type { LargeValues } from '../files/large-values.ts'

/** The same messages, with the items that were too large to be sent. Throws StorageError and FileMissing. */
export async function completeMail (values: LargeValues, organizationId: string, messages: readonly Message[]): Promise<readonly Message[]> {
  if (!messages.some(isIncomplete)) return messages
  const completed: Message[] = []
  for (const message of messages) {
    if (!isIncomplete(message)) {
      completed.push(message)
      continue
    }
    const { child: { stored, ...child }, ...rest } = message.body
    completed.push({ ...message, body: { ...rest, child: { ...child, items: await values.value(organizationId, stored) } } })
  }
  return completed
}

interface Incomplete extends Message {
  readonly body: { readonly child: { readonly stored: StoredValue } }
}

function isIncomplete (message: Message): message is Incomplete {
  return message.kind === 'child' && (message.body as { child?: { stored?: unknown } }).child?.stored !== undefined
}

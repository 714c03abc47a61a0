import type { BinaryRef, Item, JsonObject } from './item.ts'

type Binary = Readonly<Record<string, BinaryRef>>

/** What an execution's row has of its trigger's item: the data alone, as nearly always, or a pair with its binary data. */
export type TriggerPayload = JsonObject | readonly [json: JsonObject, binary: Binary]

export function triggerItem (payload: TriggerPayload, nodeId: string): Item {
  return Array.isArray(payload)
    ? { json: payload[0] as JsonObject, binary: payload[1] as Binary, parents: [], nodeId, run: 0 }
    : { json: payload as JsonObject, parents: [], nodeId, run: 0 }
}

export function triggerJson (payload: TriggerPayload): JsonObject {
  return (Array.isArray(payload) ? payload[0] : payload) as JsonObject
}

/** @param json an object, as JSON text */
export function triggerPayload (json: string, binary: Binary): string {
  return `[${json},${JSON.stringify(binary)}]`
}

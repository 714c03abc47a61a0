import type { Event } from '../../src/engine/events.ts'
import { eventsOf, type Site } from './durable-path.ts'

/** A look at executions that belong together. */
export function familyOn (site: Site) {
  return {
    async childrenOf (id: string): Promise<string[]> {
      const rows = await site.sql<Array<{ id: string }>>`select id from executions where parent_id = ${id} order by id`
      return rows.map(row => row.id)
    },
    /** What a step described, by output. */
    async outputsOf (id: string, nodeId: string): Promise<Record<string, unknown[]>> {
      const done = (await eventsOf(site, id)).findLast((event): event is Extract<Event, { type: 'step.succeeded' }> => event.type === 'step.succeeded' && event.nodeId === nodeId)
      return Object.fromEntries(Object.entries(done?.outputs ?? {}).map(([name, items]) => [name, items.map(({ json, patch }) => json ?? patch)]))
    },
    async errorOf (id: string): Promise<Record<string, unknown>> {
      const last = (await eventsOf(site, id)).at(-1)!
      return 'error' in last ? { ...last.error } : {}
    }
  }
}

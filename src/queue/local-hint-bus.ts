import type { ControlHint, HintBus, SegmentHint } from './hint-bus.ts'

/** Hints within one process. Also the inner half of the Redis bus: it knows who watches what here. */
export class LocalHintBus implements HintBus {
  readonly #watchers = new Map<string, Set<(hint: SegmentHint) => void>>()
  readonly #controls = new Set<(hint: ControlHint) => void>()

  publish (hints: readonly SegmentHint[]): void {
    if (this.#watchers.size === 0) return
    for (const hint of hints) {
      for (const listener of this.#watchers.get(hint.organizationId) ?? []) listener(hint)
    }
  }

  watch (organizationId: string, listener: (hint: SegmentHint) => void): () => void {
    const listeners = this.#watchers.get(organizationId) ?? new Set()
    listeners.add(listener)
    this.#watchers.set(organizationId, listeners)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#watchers.get(organizationId) === listeners) this.#watchers.delete(organizationId)
    }
  }

  control (hint: ControlHint): void {
    for (const listener of this.#controls) listener(hint)
  }

  onControl (listener: (hint: ControlHint) => void): () => void {
    this.#controls.add(listener)
    return () => { this.#controls.delete(listener) }
  }

  async close (): Promise<void> {
    this.#watchers.clear()
    this.#controls.clear()
  }
}

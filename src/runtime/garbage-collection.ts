import { setFlagsFromString } from 'node:v8'

/** How far the old generation may grow between two full collections, per cent of what was alive. */
const GROWTH = 20

/**
 * Sets V8's collector for what this program does: very much that dies young, on a heap that hardly grows. To be called before
 * all else, since places in the code that have been chosen at the start stay so; it costs a few tens of milliseconds, as
 * Node's code cache of its own modules was made with other flags. The figures are in docs/performance.md.
 */
export function tuneGarbageCollection (): void {
  // It allocates in the old generation what comes from a place in the code whose objects once survived, as a burst's do. By such
  // chance three processes of ten moved 0.6 to 1.4 MB of what was dead there a scavenge, with all that it refers to.
  setFlagsFromString('--no-allocation-site-pretenuring')
  // With no more than a tenth, as it chooses for a heap that is seldom collected, all of it was looked through every 2 s.
  setFlagsFromString(`--heap-growing-percent=${GROWTH}`)
  // Hardly anything survives: to wake helper threads for it takes longer than to copy it.
  setFlagsFromString('--no-parallel-scavenge')
}

import { setFlagsFromString } from 'node:v8'

/** V8's flags for what this program does: very much that dies young, on a heap that hardly grows. The figures are in docs/performance.md. */
export const FLAGS: readonly string[] = [
  // It allocates in the old generation what comes from a place in the code whose objects once survived, as a burst's do. By such
  // chance three processes of ten moved 0.6 to 1.4 MB of what was dead there a scavenge, with all that it refers to.
  '--no-allocation-site-pretenuring',
  // Per cent of what was alive that the old generation may grow by between two full collections. V8 chooses a tenth for a heap that
  // is seldom collected: all of it was looked through every 2 s.
  '--heap-growing-percent=20',
  // Hardly anything survives: to wake helper threads for it takes longer than to copy it.
  '--no-parallel-scavenge'
]

/**
 * To be called before all else, since places in the code that have been chosen at the start stay so. It costs a few tens of
 * milliseconds, as Node's code cache of its own modules was made with other flags.
 */
export function tuneGarbageCollection (): void {
  for (const flag of FLAGS) setFlagsFromString(flag)
}

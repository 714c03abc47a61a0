import { readFileSync } from 'node:fs'

/** Milliseconds of computing after which a run counts as long; a short one takes 2. */
const LONG = 50

/**
 * Calls `yields` once the process computes for so long, and gives what stops the watch. Its own time counts, not the clock's:
 * on a busy machine the short runs of everybody take long. Where the system does not tell it, the clock must do.
 */
export function watchLongRun (pid: number | undefined, yields: () => void): () => void {
  let before: number | undefined
  // The first look comes late already, and costs short runs nothing.
  let timer = setTimeout(() => {
    before = computed(pid)
    timer = setTimeout(look, LONG)
  }, LONG)

  function look (): void {
    const now = computed(pid)
    const left = now === undefined || before === undefined ? 0 : LONG - (now - before)
    if (left <= 1) yields()
    else timer = setTimeout(look, left)
  }

  return () => { clearTimeout(timer) }
}

/** Milliseconds that its main thread, which runs the code, has computed. */
function computed (pid: number | undefined): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
  } catch {
    return undefined
  }
}

import type { ServiceTest } from './service-process.ts'

/** Starts a process again whenever it has died, as an operating system's supervisor does; counts the deaths. */
export function supervise (t: Pick<ServiceTest, 'teardown'>, start: () => Promise<{ exit: Promise<unknown> }>): { readonly deaths: number, stop (): Promise<void> } {
  let deaths = 0
  let stopped = false
  let stopNow = (): void => {}
  const running = (async () => {
    while (!stopped) {
      // One that dies while it starts has died as well.
      const process = await start().catch(() => undefined)
      const died = process === undefined ? Promise.resolve() : process.exit
      await Promise.race([died, new Promise<void>(resolve => { stopNow = resolve })])
      if (!stopped) deaths++
    }
  })()
  // Where the test fails, nothing is to be started behind its end.
  t.teardown(() => {
    stopped = true
    stopNow()
  })
  return {
    get deaths () { return deaths },
    async stop () {
      stopped = true
      stopNow()
      await running
    }
  }
}

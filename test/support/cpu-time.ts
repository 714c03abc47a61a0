/** Milliseconds of CPU that this process has used: unlike a clock, it does not count what else the machine does. */
export function cpuTime (): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

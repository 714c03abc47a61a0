/** The methods of a pino logger that a request can use. */
type Method = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'

interface ParentLogger<L> {
  level: string
  child (bindings: object, options?: object): L
}

type ChildLogger = Record<Method, (...values: never[]) => void> & { isLevelEnabled? (level: string): boolean }

/**
 * A child logger that is made when something is logged: on a hot path most requests log nothing, and a child costs
 * more than the rest of their bookkeeping.
 */
export class LazyLogger<L extends ChildLogger> {
  readonly #parent: ParentLogger<L> & L
  readonly #bindings: object
  #child: L | undefined

  constructor (parent: ParentLogger<L> & L, bindings: object) {
    this.#parent = parent
    this.#bindings = bindings
  }

  get level (): string { return this.#parent.level }
  set level (level: string) { (this.#made() as unknown as { level: string }).level = level }

  isLevelEnabled (level: string): boolean {
    return this.#parent.isLevelEnabled?.(level) ?? true
  }

  child (bindings: object, options?: object): L {
    return (this.#made() as unknown as ParentLogger<L>).child(bindings, options)
  }

  fatal (...values: never[]): void { this.#made().fatal(...values) }
  error (...values: never[]): void { this.#made().error(...values) }
  warn (...values: never[]): void { this.#made().warn(...values) }
  info (...values: never[]): void { this.#made().info(...values) }
  debug (...values: never[]): void { this.#made().debug(...values) }
  trace (...values: never[]): void { this.#made().trace(...values) }
  silent (): void {}

  #made (): L {
    return (this.#child ??= this.#parent.child(this.#bindings))
  }
}

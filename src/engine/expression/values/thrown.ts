/** What `throw` in an expression throws: any value, which the host never takes for an error of its own. */
export class Thrown {
  readonly value: unknown
  readonly position: number

  constructor (value: unknown, position: number) {
    this.value = value
    this.position = position
  }
}

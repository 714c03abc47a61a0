export class FileTooLarge extends Error {
  /** bytes */
  readonly limit: number

  constructor (limit: number) {
    super(`The file is larger than ${limit} bytes`)
    this.name = 'FileTooLarge'
    this.limit = limit
  }
}

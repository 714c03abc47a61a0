const LINE_FEED = 0x0a

/** A line without its end; undefined where it is longer than allowed. */
export type Line = Buffer | undefined

/** Cuts a stream of bytes into lines. Of a line that is too long nothing is kept. */
export class LineSplitter {
  readonly #longest: number
  #parts: Buffer[] = []
  #size = 0

  constructor (longest: number) {
    this.#longest = longest
  }

  /** The lines that end in this chunk. */
  push (chunk: Buffer): Line[] {
    const lines: Line[] = []
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      this.#keep(chunk.subarray(start, end))
      lines.push(this.#take())
      start = end + 1
    }
    this.#keep(chunk.subarray(start))
    return lines
  }

  /** What stands behind the last line feed; none where nothing does. */
  end (): Line[] {
    return this.#size === 0 ? [] : [this.#take()]
  }

  #keep (part: Buffer): void {
    this.#size += part.length
    if (this.#size > this.#longest) this.#parts = []
    else if (part.length > 0) this.#parts.push(part)
  }

  #take (): Line {
    const line = this.#size > this.#longest ? undefined : this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts)
    this.#parts = []
    this.#size = 0
    return line
  }
}

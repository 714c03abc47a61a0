import type { RE2JS } from 're2js'
import { GuestValue, KIND } from './kind.ts'

/** A regular expression; several may share one compiled program, each with its own `lastIndex`. */
export class GuestRegex extends GuestValue {
  readonly kind = KIND.regex
  readonly source: string
  readonly flags: string
  readonly program: RE2JS
  readonly isGlobal: boolean
  lastIndex = 0

  constructor (source: string, flags: string, program: RE2JS) {
    super()
    this.source = source
    this.flags = flags
    this.program = program
    this.isGlobal = flags.includes('g')
  }
}

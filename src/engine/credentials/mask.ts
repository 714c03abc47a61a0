/** Shorter ones are found in anything: masking them would spoil results and protect nothing. */
const SHORTEST = 4
export const MASKED = '[secret]'

/**
 * Replaces secrets wherever they stand in texts, also in the spellings in which a far side echoes them: percent-encoded,
 * escaped as in JSON, in base64. Values without any come back as they are.
 */
export function createMask (secrets: Iterable<string>): <T>(value: T) => T {
  const spellings = [...new Set([...secrets].flatMap(spellingsOf))]
    .filter(text => text.length >= SHORTEST)
    // The longest first: one may hold another.
    .sort((a, b) => b.length - a.length)

  function maskText (text: string): string {
    let masked = text
    for (const spelling of spellings) if (masked.includes(spelling)) masked = masked.replaceAll(spelling, MASKED)
    return masked
  }

  function mask (value: unknown): unknown {
    if (typeof value === 'string') return maskText(value)
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) {
      const entries = value.map(mask)
      return entries.some((entry, index) => entry !== value[index]) ? entries : value
    }
    if (!isPlain(value)) return value
    const members = Object.entries(value).map(([key, member]): [string, unknown] => [maskText(key), mask(member)])
    const changed = members.some(([key, member]) => (value as Record<string, unknown>)[key] !== member)
    return changed ? Object.fromEntries(members) : value
  }

  return value => mask(value) as typeof value
}

function isPlain (value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function spellingsOf (secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [secret, encodeURIComponent(secret), new URLSearchParams([['', secret]]).toString().slice(1), JSON.stringify(secret).slice(1, -1), bytes.toString('base64'), bytes.toString('base64url')]
}

/**
 * An answer that is told as an error shows only how its body begins: the secrets go before that is cut, since of one that
 * the cut divides nobody would find the front.
 */
export function withoutSecrets<R extends { readonly status: number, readonly body: Uint8Array }> (answer: R, secrets: Iterable<string> | undefined): R {
  if (answer.status < 400 || secrets === undefined) return answer
  // Byte by byte, whatever its charset is.
  const text = Buffer.from(answer.body).toString('latin1')
  const masked = createMask([...secrets].map(secret => Buffer.from(secret).toString('latin1')))(text)
  return masked === text ? answer : { ...answer, body: Buffer.from(masked, 'latin1') }
}

const SECRET = /auth|cookie|token|secret|signature|password|passwd|api-?key|apikey|credential|hmac|session/i
const HIDDEN = '[redacted]'
const LONGEST = 1024

/** What a log of requests may hold of them: anything whose name sounds like a secret is hidden. */
export const withoutSecrets = {
  headers (headers: Readonly<Record<string, unknown>>, secretHeader?: string): Record<string, string> {
    return Object.fromEntries(Object.entries(headers).map(([name, value]) =>
      [name, SECRET.test(name) || name === secretHeader ? HIDDEN : String(value).replaceAll('\0', '\ufffd').slice(0, LONGEST)]))
  },
  query (text: string): string {
    const fields = new URLSearchParams(text)
    for (const name of new Set(fields.keys())) {
      if (SECRET.test(name)) fields.set(name, HIDDEN)
    }
    return fields.toString()
  }
}

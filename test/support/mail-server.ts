import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import type { Teardown } from './database.ts'

export interface ReceivedMail { readonly from: string, readonly to: readonly string[], readonly text: string }

export interface MailServer {
  /** What a credential for it has: it does not encrypt, and knows one login. */
  readonly data: { readonly host: string, readonly port: number, readonly security: string, readonly username: string, readonly password: string }
  readonly received: readonly ReceivedMail[]
}

/** An SMTP server of the test's own: `full@…` cannot take mail for now, `unknown@…` never. */
export async function startMailServer (t: Teardown): Promise<MailServer> {
  const login = { username: 'ada', password: 'secret-of-mail' }
  const received: ReceivedMail[] = []
  const server = new SMTPServer({
    hideSTARTTLS: true,
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) => { done(username === login.username && password === login.password ? null : new Error('refused'), { user: username }) },
    onRcptTo: ({ address }, _session, done) => {
      const code = address.startsWith('full@') ? 452 : address.startsWith('unknown@') ? 550 : undefined
      done(code === undefined ? null : Object.assign(new Error('not here'), { responseCode: code }))
    },
    onData (stream, { envelope }, done) {
      let text = ''
      stream.on('data', (chunk: Buffer) => { text += chunk.toString() })
      stream.on('end', () => {
        received.push({ from: envelope.mailFrom === false ? '' : envelope.mailFrom.address, to: envelope.rcptTo.map(({ address }) => address), text })
        done(null)
      })
    }
  })
  server.on('error', () => {})
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', () => { resolve() }) })
  t.teardown(async () => { await new Promise<void>(resolve => { server.close(() => { resolve() }) }) })
  const { port } = server.server.address() as AddressInfo
  return { data: { host: '127.0.0.1', port, security: 'off', ...login }, received }
}

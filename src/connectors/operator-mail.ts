import { createTransport } from 'nodemailer'

export interface OperatorMail {
  /** `smtp://user:password@host:587` or `smtps://…` */
  readonly url: string
  readonly from: string
}

const TIMEOUT = 8000
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Mail of the service itself, by the server that its operator named: not by one that an organization could choose. */
export function createOperatorMailer ({ url, from }: OperatorMail): { send (letter: { to: string, subject: string, text: string }): Promise<void> } {
  const { protocol, hostname, port, username, password } = new URL(url)
  const secure = protocol === 'smtps:'
  const transport = createTransport({
    host: hostname.replaceAll(/[[\]]/g, ''),
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    // A password never goes over a line that others can read.
    requireTLS: !secure && username !== '' && !LOOPBACK.has(hostname),
    ...(username !== '' && { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
    connectionTimeout: TIMEOUT,
    greetingTimeout: TIMEOUT,
    socketTimeout: TIMEOUT,
    disableFileAccess: true,
    disableUrlAccess: true
  })
  return {
    async send ({ to, subject, text }) {
      // As an address of its own, not as text: nothing in it becomes a second recipient.
      await transport.sendMail({ from, to: { name: '', address: to }, subject, text })
    }
  }
}

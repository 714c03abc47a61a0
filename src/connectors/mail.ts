import { isIP } from 'node:net'
import { createTransport } from 'nodemailer'
import type { Credential } from '../engine/credentials/index.ts'
import { NodeError } from '../engine/node-error.ts'
import type { Limits, Mail, SentMail } from '../engine/nodes/connect.ts'
import type { GuardedConnect } from '../lib/guarded-socket.ts'
import { codeOf, connectionError, endpointOf, openEndpoint } from './endpoint.ts'
import { within } from './within.ts'

const DEFAULT_PORT = 587

/** Hands one mail to a server, over a connection of its own. */
export async function sendMail (connect: GuardedConnect, credential: Credential, mail: Mail, limits: Limits): Promise<SentMail> {
  const { transport, host, stop } = await openTransport(connect, credential)
  const { attachments, messageId, ...rest } = mail
  try {
    const sent = await within(limits, stop, async () => await transport.sendMail({
      ...rest,
      to: [...rest.to],
      cc: [...rest.cc],
      bcc: [...rest.bcc],
      messageId: `<${messageId}>`,
      attachments: attachments.map(({ fileName, contentType, content }) => ({ filename: fileName, contentType, content: Buffer.from(content) })),
      disableFileAccess: true,
      disableUrlAccess: true
    }))
    return { messageId: sent.messageId, accepted: sent.accepted.map(String), rejected: sent.rejected.map(String), response: sent.response }
  } catch (error) {
    throw toNodeError(error, host)
  } finally {
    stop()
  }
}

/** Connects and logs in, and sends nothing. */
export async function tryMail (connect: GuardedConnect, credential: Credential, limits: Limits): Promise<void> {
  const { transport, host, stop } = await openTransport(connect, credential)
  try {
    await within(limits, stop, async () => await transport.verify())
  } catch (error) {
    throw toNodeError(error, host)
  } finally {
    stop()
  }
}

async function openTransport (connect: GuardedConnect, credential: Credential) {
  const endpoint = endpointOf(credential, DEFAULT_PORT)
  const { host, port, username, password } = endpoint
  const security = credential.data['security'] ?? 'starttls'
  const socket = await openEndpoint(connect, credential, endpoint)
  const transport = createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'off',
    ...(isIP(host) === 0 && { tls: { servername: host } }),
    ...(username !== undefined && { auth: { user: username, pass: password ?? '' } }),
    getSocket: (_options, callback) => { callback(null, { connection: socket }) }
  })
  return { transport, host, stop: () => { transport.close(); socket.destroy() } }
}

function toNodeError (error: unknown, host: string): unknown {
  if (error instanceof NodeError || !(error instanceof Error)) return error
  const code = codeOf(error)
  const { responseCode, response } = error as { responseCode?: number, response?: string }
  if (code === 'EAUTH') return new NodeError('WC_MAIL_AUTHENTICATION', `${host} refuses the login`, { data: { responseCode } })
  if (responseCode !== undefined) {
    // RFC 5321 section 4.2.1: 4yz may pass, 5yz will not. Either way nothing was sent.
    return new NodeError('WC_MAIL_REFUSED', `${host} refuses the mail: ${String(response ?? responseCode).slice(0, 300)}`, { retryable: responseCode < 500, data: { responseCode } })
  }
  if (code === 'EENVELOPE' || code === 'EMESSAGE') return new NodeError('WC_MAIL_REFUSED', `The mail cannot be sent: ${error.message.slice(0, 300)}`)
  if (code === 'ETLS') return new NodeError('WC_CONNECTION', `No secure connection to ${host}`)
  return connectionError(error, host, 'WC_CONNECTION_LOST')
}

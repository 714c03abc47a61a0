import { createHash } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { OutputItem } from '../../item.ts'
import { NodeError } from '../../node-error.ts'
import { anyValue, dictionary } from '../../schemas.ts'
import type { Mail } from '../connect.ts'
import { headerPairs } from '../header-pairs.ts'
import { itemByItem, ONE_AFTER_THE_OTHER } from '../item-by-item.ts'
import { defineNode } from '../node-type.ts'
import { ofOnce } from './outcome.ts'
import type { NodeContext } from '../node-type.ts'

const TIMEOUT = 60_000
const MAX_RECIPIENTS = 100
const MAX_ATTACHMENTS = 20
/** bytes; most servers take no more */
const MAX_ATTACHED = 25 * 1024 * 1024

const recipients = (title: string, description: string) => Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { maxItems: MAX_RECIPIENTS })], { title, description })

const SendEmailParameters = Type.Object({
  from: Type.String({ title: 'From', description: 'An address, with a name where you like.', minLength: 1, examples: ['Orders <orders@example.com>'] }),
  to: recipients('To', 'An address, or a list of them.'),
  cc: Type.Optional(recipients('Cc', 'Copies.')),
  bcc: Type.Optional(recipients('Bcc', 'Copies that the others do not see.')),
  replyTo: Type.Optional(Type.String({ title: 'Reply to', description: 'Where answers go.', minLength: 1 })),
  subject: Type.String({ title: 'Subject', description: 'The subject of the mail.' }),
  text: Type.Optional(Type.String({ title: 'Text', description: 'The mail as plain text; this or html is required.' })),
  html: Type.Optional(Type.String({ title: 'HTML', description: 'Values in it are not escaped.' })),
  attachments: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { title: 'Attachments', description: 'Names of binary data of the item.', maxItems: MAX_ATTACHMENTS })),
  headers: Type.Optional(dictionary(anyValue(), { title: 'Headers', description: 'More headers; X-… and List-… only.' }))
}, { additionalProperties: false })
type SendEmailParameters = Static<typeof SendEmailParameters>

export const sendEmail = defineNode({
  type: 'sendEmail',
  title: 'Send email',
  description: 'Sends a mail an item by SMTP; emits { messageId, accepted, rejected, response }.',
  icon: 'mail',
  category: 'outside',
  effects: 'once',
  parameters: SendEmailParameters,
  credentials: ['smtp'],
  credentialRequired: true,
  check: ({ text, html }) => text === undefined && html === undefined ? [{ pointer: '/text', message: 'text or html is required', code: 'WC_REQUIRED' }] : [],
  async run (context) {
    return await itemByItem(context, ONE_AFTER_THE_OTHER, async index => await send(context, index).catch((error: unknown) => { throw ofOnce(error) }))
  }
})

async function send (context: NodeContext<SendEmailParameters>, index: number): Promise<OutputItem[]> {
  const credential = await context.credential()
  if (credential === undefined) throw new NodeError('WC_CREDENTIAL_REQUIRED', 'The node names no credential')
  const sent = await context.connect.mail(credential, await compose(context, index), { timeout: TIMEOUT, signal: context.signal })
  return [{ from: index, json: { ...sent } }]
}

async function compose (context: NodeContext<SendEmailParameters>, index: number): Promise<Mail> {
  const { from, to, cc, bcc, replyTo, subject, text, html, headers, attachments = [] } = context.parameters(index)
  const sender = address(from, '/from')
  const mail: Mail = {
    from: sender,
    to: addresses(to, '/to'),
    cc: addresses(cc ?? [], '/cc'),
    bcc: addresses(bcc ?? [], '/bcc'),
    replyTo: replyTo === undefined || replyTo === null ? undefined : address(replyTo, '/replyTo'),
    subject: oneLine(subject, '/subject'),
    text: optionalText(text),
    html: optionalText(html),
    headers: Object.fromEntries(headerPairs(headers).map(([name, value]) => [headerName(name), oneLine(value, '/headers')])),
    attachments: await attached(context, index, attachments),
    // The same in all attempts: servers and readers know it again.
    messageId: `${createHash('sha256').update(context.idempotencyKey(index)).digest('hex').slice(0, 40)}@${/@([^@>]+)>?$/.exec(sender)?.[1] ?? 'localhost'}`
  }
  const count = mail.to.length + mail.cc.length + mail.bcc.length
  if (count === 0 || count > MAX_RECIPIENTS) throw new NodeError('WC_MAIL_ADDRESS', `A mail has from 1 to ${MAX_RECIPIENTS} recipients, not ${count}`, { pointer: '/to' })
  return mail
}

function addresses (given: unknown, pointer: string): string[] {
  return (Array.isArray(given) ? given : [given]).map(one => address(one, pointer))
}

/**
 * Just one: a value of the data must not name further recipients. RFC 5322 allows more than this, mail servers hardly do.
 */
function address (given: unknown, pointer: string): string {
  const text = oneLine(given, pointer).trim()
  const bare = /^(?:[^<>,;"@]*|"[^"\\]*")\s*<([^<>]+)>$/.exec(text)?.[1] ?? text
  if (/^[^\s<>,;:"()[\]\\@]{1,64}@[^\s<>,;:"()[\]\\@]{1,253}$/.test(bare)) return text
  throw new NodeError('WC_MAIL_ADDRESS', 'Not one mail address, such as ada@example.com or "Ada" <ada@example.com>; give several as a list', { pointer })
}

/** A line break would begin another header. */
function oneLine (given: unknown, pointer: string): string {
  if (typeof given === 'object' && given !== null) throw new NodeError('WC_PARAMETER', 'Must be text', { pointer })
  const text = String(given ?? '')
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f\u2028\u2029]/.test(text)) throw new NodeError('WC_MAIL_HEADER', 'Holds a line break or another control character, which headers of a mail cannot', { pointer })
  return text
}

function headerName (name: string): string {
  if (/^(x|list)-[a-z0-9-]{1,60}$/.test(name)) return name
  throw new NodeError('WC_MAIL_HEADER', `The header ${JSON.stringify(name.slice(0, 60))} cannot be given; X-… and List-… can`, { pointer: '/headers' })
}

function optionalText (given: unknown): string | undefined {
  if (given === undefined || given === null) return undefined
  return typeof given === 'object' ? JSON.stringify(given) : String(given)
}

async function attached (context: NodeContext<SendEmailParameters>, index: number, names: readonly string[]): Promise<Mail['attachments']> {
  const { binary = {} } = context.items[index]!
  const files: Array<Mail['attachments'][number]> = []
  let size = 0
  for (const name of names) {
    const file = Object.hasOwn(binary, name) ? binary[name] : undefined
    if (file === undefined) throw new NodeError('WC_MAIL_ATTACHMENT', `The item has no binary data called ${JSON.stringify(String(name).slice(0, 60))}`, { pointer: '/attachments' })
    size += file.size
    if (size > MAX_ATTACHED) throw new NodeError('WC_MAIL_ATTACHMENT', `The attachments are larger than ${MAX_ATTACHED} bytes`, { pointer: '/attachments' })
    const chunks: Uint8Array[] = []
    for await (const chunk of context.files.read(file)) chunks.push(chunk)
    files.push({ fileName: oneLine(file.fileName ?? name, '/attachments'), contentType: file.mimeType, content: Buffer.concat(chunks) })
  }
  return files
}

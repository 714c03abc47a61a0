import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { createConnectors } from '../../src/connectors/index.ts'
import { createOperatorMailer } from '../../src/connectors/operator-mail.ts'
import { sendEmail } from '../../src/engine/nodes/outside/send-email.ts'
import type { Credential } from '../../src/engine/credentials/index.ts'
import type { BinaryRef } from '../../src/engine/item.ts'
import { startMailServer } from '../support/mail-server.ts'
import { noFiles, nodeContext } from '../support/node-context.ts'

const { data, received } = await startMailServer(t)
const credential = (more: object = {}): Credential => ({ id: 'mail', type: 'smtp', allowedHosts: null, data: { ...data, ...more } })
const { port } = data
const connectors = createConnectors({ allow: ['127.0.0.1/32'] })
t.teardown(async () => { await connectors.close() })

const good = { from: 'Orders <orders@example.com>', to: 'ada@example.com', subject: 'Grüße', text: 'Hello' }
async function send (parameters: object, own = credential()) {
  const context = nodeContext({ items: [{}], parameters: { ...good, ...parameters }, connect: connectors, credential: own, files: { ...noFiles, read: async function * () { yield Buffer.from('a;b') } } })
  const file: BinaryRef = { fileId: 'f', mimeType: 'text/csv', fileName: 'orders.csv', size: 3 }
  return (await sendEmail.run({ ...context, items: context.items.map(item => ({ ...item, binary: { report: file } })) })).outputs['main']!
}

t.test('a mail with everything', async t => {
  const [sent] = await send({ to: ['ada@example.com', '"Bob, B." <bob@example.com>'], cc: 'cc@example.com', bcc: 'bcc@example.com', replyTo: 'reply@example.com', html: '<b>Hello</b>', attachments: ['report'], headers: { 'X-Order': 7 } })
  t.match(sent, { from: 0, json: { messageId: /^<[0-9a-f]{40}@example\.com>$/, accepted: ['ada@example.com', 'bob@example.com', 'cc@example.com', 'bcc@example.com'], rejected: [] } })
  const mail = received.at(-1)!
  t.match(mail, { from: 'orders@example.com', to: ['ada@example.com', 'bob@example.com', 'cc@example.com', 'bcc@example.com'] })
  for (const part of ['Subject: =?UTF-8?', 'Reply-To: reply@example.com', 'X-Order: 7', 'text/html', 'filename=orders.csv', Buffer.from('a;b').toString('base64')]) t.ok(mail.text.includes(part), part)
  t.notOk(mail.text.includes('bcc@example.com'), 'the others do not see it')
  t.equal((await send({}))[0]?.json?.['messageId'], sent?.json?.['messageId'], 'an attempt more is the same message')
})

t.test('nothing of the data becomes a header or a recipient', async t => {
  const before = received.length
  for (const [parameters, code] of [
    [{ subject: 'a\r\nBcc: evil@example.com' }, 'WC_MAIL_HEADER'], [{ to: 'a@example.com\nBcc: evil@example.com' }, 'WC_MAIL_HEADER'], [{ headers: { 'X-A': 'a\r\nb: c' } }, 'WC_MAIL_HEADER'],
    [{ headers: { Bcc: 'evil@example.com' } }, 'WC_MAIL_HEADER'], [{ headers: { 'X-A: b': 'c' } }, 'WC_MAIL_HEADER'], [{ from: 'a\u2028@example.com' }, 'WC_MAIL_HEADER'],
    [{ to: 'a@example.com, evil@example.com' }, 'WC_MAIL_ADDRESS'], [{ to: 'a@example.com <evil@example.com>, b@example.com' }, 'WC_MAIL_ADDRESS'], [{ to: '' }, 'WC_MAIL_ADDRESS'], [{ to: [] }, 'WC_MAIL_ADDRESS'],
    [{ to: Array.from({ length: 101 }, (_, n) => `a${n}@example.com`) }, 'WC_MAIL_ADDRESS'], [{ subject: { a: 1 } }, 'WC_PARAMETER'], [{ attachments: ['other'] }, 'WC_MAIL_ATTACHMENT'], [{ attachments: ['__proto__'] }, 'WC_MAIL_ATTACHMENT']
  ] as const) await t.rejects(send(parameters), { code, detail: { itemIndex: 0 } }, Object.keys(parameters).join())
  t.equal(received.length, before, 'no server was asked')
})

t.test('what a server refuses', async t => {
  await t.rejects(send({ to: 'full@example.com' }), { code: 'WC_MAIL_REFUSED', detail: { retryable: true, data: { responseCode: 452 } } })
  await t.rejects(send({ to: 'unknown@example.com' }), { code: 'WC_MAIL_REFUSED', detail: { retryable: false } })
  t.match(await send({ to: ['ada@example.com', 'unknown@example.com'] }), [{ json: { accepted: ['ada@example.com'], rejected: ['unknown@example.com'] } }])
  await t.rejects(send({}, credential({ password: 'wrong' })), { code: 'WC_MAIL_AUTHENTICATION', message: /127\.0\.0\.1 refuses the login/ })
  await t.rejects(send({}, credential({ security: 'starttls' })), { code: 'WC_CONNECTION_LOST' }, 'never in the clear where it asked for more')
  await t.rejects(send({}, credential({ port: 1 })), { code: 'WC_CONNECTION' })
  await t.rejects(send({}, { ...credential(), allowedHosts: ['smtp.example.com'] }), { code: 'WC_CREDENTIAL_HOST' })
  const closed = createConnectors({ allow: [] })
  await t.rejects(closed.attempts.get('smtp')!(credential(), { timeout: 5000, signal: new AbortController().signal }), { code: 'WC_EGRESS_BLOCKED' })
  await connectors.attempts.get('smtp')!(credential(), { timeout: 20_000, signal: new AbortController().signal })
  await closed.close()
})

t.test('a mail that cannot be sent does not make those that were look like failures', async t => {
  const before = received.length
  const recipients = ['ada@example.com', 'unknown@example.com', 'bob@example.com']
  const { outputs } = await sendEmail.run(nodeContext({
    items: [{}, {}, {}], parameters: index => ({ ...good, to: recipients[index]! }), connect: connectors, credential: credential(), failedItemOutput: () => 'error'
  }))
  t.match(outputs, { main: [{ from: 0, json: { accepted: ['ada@example.com'] } }, { from: 2, json: { accepted: ['bob@example.com'] } }], error: [{ from: 1, patch: { error: { code: 'WC_MAIL_REFUSED' } } }] })
  t.equal(received.length, before + 2)
})

t.test('mail of the service itself goes by the server of its operator', async t => {
  const mailer = (user = 'ada:secret-of-mail@') => createOperatorMailer({ url: `smtp://${user}127.0.0.1:${port}`, from: 'WeConnect <weconnect@example.org>' })
  const before = received.length
  await mailer().send({ to: 'bob@example.com', subject: 'Grüße', text: 'The token:\n\nabc_123' })
  const mail = received.at(-1)!
  t.match(mail, { from: 'weconnect@example.org', to: ['bob@example.com'] })
  for (const part of ['From: WeConnect <weconnect@example.org>', 'To: bob@example.com', 'Subject: =?UTF-8?', 'abc_123']) t.ok(mail.text.includes(part), part)
  await mailer().send({ to: 'bob@example.com, eve@example.com', subject: 'x', text: 'y' }).catch(() => undefined)
  await mailer().send({ to: 'bob@example.com\r\nBcc: eve@example.com', subject: 'x\r\nBcc: eve@example.com', text: 'y' }).catch(() => undefined)
  for (const { to, text } of received.slice(before)) {
    t.notOk(to.includes('eve@example.com'), 'nobody else gets it')
    t.notMatch(text, /^Bcc:/m)
  }
  await t.rejects(mailer('ada:wrong@').send({ to: 'bob@example.com', subject: 'x', text: 'y' }), { code: 'EAUTH' })
  await t.rejects(mailer().send({ to: 'unknown@example.com', subject: 'x', text: 'y' }), { code: 'EENVELOPE' })
})

t.test('a password of the operator goes over no line that others can read', async t => {
  const greeted: string[] = []
  const plain = createServer(socket => {
    socket.write('220 mail.example.org\r\n')
    socket.on('data', data => {
      greeted.push(data.toString())
      socket.write(data.toString().startsWith('EHLO') ? '250-mail.example.org\r\n250 AUTH PLAIN\r\n' : '502 not here\r\n')
    })
  })
  await new Promise<void>(resolve => { plain.listen(0, '0.0.0.0', resolve) })
  t.teardown(() => { plain.close() })
  // Another name of this machine: what is exempt are the names of the loopback.
  const mailer = createOperatorMailer({ url: `smtp://ada:secret-of-mail@127.0.0.2:${(plain.address() as AddressInfo).port}`, from: 'weconnect@example.org' })
  await t.rejects(mailer.send({ to: 'bob@example.com', subject: 'x', text: 'y' }))
  t.ok(greeted.some(line => line.startsWith('STARTTLS')), 'it asks for encryption')
  t.notMatch(greeted.join(''), /AUTH/)
})

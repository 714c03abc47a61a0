import { createHmac } from 'node:crypto'
import type { Credential } from '../../engine/credentials/index.ts'
import type { HttpAnswer } from '../../engine/nodes/node-type.ts'
import type { Handshake } from '../../engine/nodes/webhook-handshake.ts'
import { HandshakeRefused } from '../problems.ts'
import { openSecret, type GateDependencies } from './gate.ts'
import { sameText } from './verify/compare.ts'
import type { SignedRequest } from './verify/index.ts'

/** Answers a request that is no delivery: its sender only wants to know whether this is the place. */
export interface Greeting {
  /** Whether it comes as a GET, whatever the endpoint's methods are. */
  readonly byGet: boolean
  /** Before anything is verified, by what the address says; undefined for any other request. Throws HandshakeRefused. */
  answer (request: SignedRequest): Promise<HttpAnswer> | undefined
  /** After the proof, by the body: JSON text. */
  answerBody? (json: string): HttpAnswer | undefined
}

type Parameters = Readonly<Record<string, unknown>>

/** Longer than any sender's; they come back as they were sent. */
const MAX_TOKEN = 4096
/**
 * Tokens of X are base64. The same secret signs its deliveries, so whatever else is signed here could be sent as one by anybody:
 * no object of JSON, and nothing that a time is signed with, is made of these characters.
 */
const CHALLENGE = /^[A-Za-z0-9+/_-]+={0,2}$/

export function compileGreeting (deps: Pick<GateDependencies, 'credentials'>, organizationId: string, { handshake, verify }: Parameters): Greeting | undefined {
  const { preset: sender, credentialId: verifying } = (verify ?? {}) as { preset?: string, credentialId?: string }
  const { preset, credentialId = verifying } = (handshake ?? (sender === 'slack' ? { preset: 'slack' } : {})) as Partial<Handshake>
  const secrets = async (): Promise<readonly string[]> => credentialId === undefined ? [] : secretsOf(await openSecret(deps.credentials, organizationId, credentialId))
  switch (preset) {
    case 'slack': return { byGet: false, answer: () => undefined, answerBody: slackChallenge }
    case 'microsoft': return byQuery(false, 'validationToken', async token => text(token))
    case 'meta': return byQuery(true, 'hub.challenge', async (challenge, query) => {
      const shown = query.get('hub.verify_token') ?? ''
      if (query.get('hub.mode') !== 'subscribe' || !(await secrets()).some(secret => sameText(secret, shown))) throw HandshakeRefused()
      return text(challenge)
    })
    case 'x': return byQuery(true, 'crc_token', async token => {
      const [secret] = await secrets()
      if (secret === undefined || !CHALLENGE.test(token)) throw HandshakeRefused()
      return { status: 200, headers: {}, body: { response_token: `sha256=${createHmac('sha256', secret).update(token).digest('base64')}` } }
    })
    default: return undefined
  }
}

function byQuery (byGet: boolean, parameter: string, respond: (token: string, query: URLSearchParams) => Promise<HttpAnswer>): Greeting {
  return {
    byGet,
    answer ({ method, queryText }) {
      if (queryText === '' || (byGet && method !== 'GET')) return undefined
      const query = new URLSearchParams(queryText)
      const token = query.get(parameter)
      return token === null || token === '' || token.length > MAX_TOKEN ? undefined : respond(token, query)
    }
  }
}

/** https://docs.slack.dev/reference/events/url_verification */
function slackChallenge (json: string): HttpAnswer | undefined {
  if (json.length > MAX_TOKEN || !json.includes('url_verification')) return undefined
  const body = JSON.parse(json) as { type?: unknown, challenge?: unknown } | null
  return body?.type === 'url_verification' && typeof body.challenge === 'string' ? text(body.challenge) : undefined
}

function text (body: string): HttpAnswer {
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body }
}

function secretsOf ({ type, data }: Credential): readonly string[] {
  return type === 'webhookSecret' ? (data['secrets'] as readonly unknown[]).map(String) : []
}

import { AwsV4Signer } from 'aws4fetch'
import { hostIsAllowed } from '../credentials/allowed-hosts.ts'
import type { Credential } from '../credentials/credential-type.ts'
import { basicPair } from '../credentials/http-types.ts'
import { NodeError } from '../node-error.ts'
import type { Fetch, IncomingResponse, OutgoingRequest } from './node-type.ts'
import { setInQuery } from './url-query.ts'

/** The types of credentials that a request can carry. */
export const REQUEST_CREDENTIALS: readonly string[] = ['bearer', 'basic', 'header', 'query', 'oauth2', 'aws']

const UNAUTHORIZED = 401
const LARGEST_SIGNED = 50 * 1024 * 1024

/** What a request is signed for. */
export interface Signing {
  /** milliseconds since the epoch */
  readonly now: number
  readonly service?: string | undefined
  readonly region?: string | undefined
  /** Whether the credential stays here, since the request goes elsewhere. */
  readonly anonymous?: boolean
}

/** The request with the credential in it. Throws WC_CREDENTIAL_HOST where the credential may not go there. */
export async function authorize (request: OutgoingRequest, credential: Credential, signing: Signing): Promise<OutgoingRequest> {
  // The guard says best what is wrong with a URL.
  if (!URL.canParse(request.url)) return request
  requireAllowedHost(credential, new URL(request.url).hostname)
  const { data } = credential
  switch (credential.type) {
    case 'bearer': return withHeader(request, 'authorization', `Bearer ${String(data['token'])}`)
    case 'oauth2': return withHeader(request, 'authorization', `Bearer ${String(data['accessToken'])}`)
    case 'basic': return withHeader(request, 'authorization', `Basic ${basicPair(data)}`)
    case 'header': return withHeader(request, String(data['name']).toLowerCase(), String(data['value']))
    case 'query': return withQuery(request, String(data['name']), String(data['value']))
    case 'aws': return await sign(request, credential, signing)
    default: throw new NodeError('WC_CREDENTIAL_TYPE', `A request cannot carry a credential of the type ${credential.type}`)
  }
}

/** Sends requests with a credential in them. */
export type AuthorizedFetch = (request: OutgoingRequest, signing: Signing) => Promise<IncomingResponse>

/** Of a step: a token that was refused is renewed once for all of its requests, and each of them is sent once more. */
export function authorizedFetch (fetch: Fetch, credential: Credential | undefined): AuthorizedFetch {
  if (credential === undefined) return async request => await fetch(request)
  let current = credential
  return async (request, signing) => {
    if (signing.anonymous === true) return await fetch(request)
    const used = current
    const answer = await fetch(await authorize(request, used, signing))
    if (answer.status !== UNAUTHORIZED || used.renew === undefined) return answer
    if (current === used) current = await used.renew()
    return await fetch(await authorize(request, current, signing))
  }
}

export function requireAllowedHost ({ allowedHosts }: Credential, host: string): void {
  if (hostIsAllowed(allowedHosts, host)) return
  throw new NodeError('WC_CREDENTIAL_HOST', `The credential must not be sent to ${host}: it is limited to ${allowedHosts?.join(', ') ?? ''}`)
}

/** AWS Signature Version 4 over a request (`header`), or as a URL that is good for itself (`query`). */
export function signer (request: Pick<OutgoingRequest, 'method' | 'url' | 'headers' | 'body'>, { data }: Credential, { now, service, region }: Signing, place: 'header' | 'query' = 'header'): AwsV4Signer {
  const text = (name: string): string | undefined => typeof data[name] === 'string' ? data[name] : undefined
  const sessionToken = text('sessionToken')
  const ownRegion = region ?? text('region')
  return new AwsV4Signer({
    method: request.method,
    url: request.url,
    headers: { ...request.headers },
    ...(request.body !== undefined && { body: request.body as string }),
    accessKeyId: String(data['accessKeyId']),
    secretAccessKey: String(data['secretAccessKey']),
    ...(sessionToken !== undefined && { sessionToken }),
    ...(service !== undefined && { service }),
    ...(ownRegion !== undefined && { region: ownRegion }),
    datetime: new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, ''),
    signQuery: place === 'query'
  })
}

async function sign (given: OutgoingRequest, credential: Credential, signing: Signing): Promise<OutgoingRequest> {
  const request = await withWholeBody(given)
  const { url, headers } = await signer(request, credential, signing).sign()
  return { ...request, url: url.href, headers: Object.fromEntries(headers), secretHeaders: [...request.secretHeaders ?? [], 'authorization', 'x-amz-security-token'] }
}

/** A signature is over all bytes, so they must be there before the first is sent. */
async function withWholeBody (request: OutgoingRequest): Promise<OutgoingRequest> {
  const { body } = request
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) return request
  if (body.size > LARGEST_SIGNED) throw new NodeError('WC_HTTP_BODY', `A body that is signed may have ${LARGEST_SIGNED} bytes at most`, { pointer: '/body' })
  const chunks: Uint8Array[] = []
  for await (const chunk of body.open()) chunks.push(chunk)
  return { ...request, body: Buffer.concat(chunks) }
}

function withHeader (request: OutgoingRequest, name: string, value: string): OutgoingRequest {
  const others = Object.entries(request.headers ?? {}).filter(([given]) => given.toLowerCase() !== name)
  return { ...request, headers: { ...Object.fromEntries(others), [name]: value }, secretHeaders: [...request.secretHeaders ?? [], name] }
}

function withQuery (request: OutgoingRequest, name: string, value: string): OutgoingRequest {
  return { ...request, url: setInQuery(request.url, name, value) }
}

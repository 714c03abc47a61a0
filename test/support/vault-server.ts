import { startServer, type TestServer } from './http-server.ts'

export interface VaultServer extends TestServer {
  /** Secrets of the engine at `secret/`, by path, each a list of versions; null for one that was deleted. */
  readonly secrets: Map<string, Array<Record<string, unknown> | null>>
  /** What each token may read: a prefix of paths. */
  readonly tokens: Map<string, string>
  /** Sealed, or a standby. */
  down: { readonly status: number, readonly errors: readonly string[] } | null
}

const MOUNT = '/v1/secret/data/'

/** What HashiCorp Vault answers for reads of a key-value engine of version 2 (its documentation of the API; there is no Vault to run here). */
export async function startVault (): Promise<VaultServer> {
  const secrets: VaultServer['secrets'] = new Map()
  const tokens: VaultServer['tokens'] = new Map([['root', '']])
  const server = await startServer((request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body))
    }
    const path = new URL(request.url!, 'http://vault').pathname
    const namespace = request.headers['x-vault-namespace']
    if (vault.down !== null) return answer(vault.down.status, { errors: vault.down.errors })
    if (request.headers['x-vault-token'] === undefined) return answer(400, { errors: ['missing client token'] })
    const allowed = tokens.get(String(request.headers['x-vault-token']))
    const name = decodeURIComponent(path.slice(MOUNT.length))
    if (allowed === undefined || !path.startsWith(MOUNT) || !name.startsWith(allowed)) return answer(403, { errors: ['1 error occurred:\n\t* permission denied\n\n'] })
    const versions = secrets.get(namespace === undefined ? name : `${String(namespace)}:${name}`)
    if (versions === undefined) return answer(404, { errors: [] })
    const data = versions.at(-1)!
    const metadata = { created_time: '2026-01-10T09:00:00.0Z', custom_metadata: null, deletion_time: data === null ? '2026-01-11T09:00:00.0Z' : '', destroyed: false, version: versions.length }
    answer(data === null ? 404 : 200, { request_id: 'b6e9c2a4-0000-4000-8000-000000000000', lease_id: '', renewable: false, lease_duration: 0, data: { data, metadata }, wrap_info: null, warnings: null, auth: null, mount_type: 'kv' })
  })
  const vault: VaultServer = Object.assign(server, { secrets, tokens, down: null })
  return vault
}

/** Where an operator keeps secrets that are read when they are used, and never kept here. */
export interface SecretStore {
  /**
   * The fields of one secret of the organization; an implementation keeps each organization to its own. Rejects with SecretStoreError.
   * @param path as somebody of the organization wrote it; matches SECRET_PATH
   */
  read (organizationId: string, path: string): Promise<Readonly<Record<string, unknown>>>
}

/**
 * - `notFound`: there is no such secret, or no longer
 * - `forbidden`: the store does not let us read it
 * - `away`: no answer that says anything of the secret; may be asked again
 */
export type SecretStoreFault = 'notFound' | 'forbidden' | 'away'

export class SecretStoreError extends Error {
  readonly fault: SecretStoreFault

  constructor (fault: SecretStoreFault, cause?: unknown) {
    super(`The secret store says: ${fault}`, cause === undefined ? undefined : { cause })
    this.name = 'SecretStoreError'
    this.fault = fault
  }
}

/**
 * Segments between slashes, none of which begins with a dot or holds anything that a URL or a server behind it could
 * read in another way (`..`, `%2e`, `//`, `\`, `?`, `#`, `;`, other scripts): a path cannot leave the place that it is put behind.
 */
export const SECRET_PATH = '^[A-Za-z0-9_-][A-Za-z0-9_.@-]*(/[A-Za-z0-9_-][A-Za-z0-9_.@-]*)*$'

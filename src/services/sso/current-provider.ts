import type { Executor } from '../../db/client.ts'
import { findEnabledProvider, type SealedProvider } from '../../db/queries/sso-providers.ts'
import type { KnownProvider } from '../../db/queries/sso-sign-in.ts'
import { NotFound } from '../problems.ts'
import { SignInRefused } from './problems.ts'

/** Throws NotFound. */
export async function readEnabled (db: Executor, providerId: string): Promise<SealedProvider> {
  const provider = await findEnabledProvider(db, providerId)
  if (provider === undefined) throw NotFound('identity provider with this id that is enabled')
  return provider
}

/** For what was refused because the provider has changed since it was read, or for another reason. Throws NotFound or SignInRefused where it has. */
export async function refuseChanged (db: Executor, { id, version }: KnownProvider): Promise<void> {
  if ((await readEnabled(db, id)).version !== version) throw SignInRefused('The settings of the provider were changed meanwhile')
}

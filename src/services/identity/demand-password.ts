import { findUserWithPassword } from '../../db/queries/accounts.ts'
import { InvalidInput } from '../problems.ts'
import type { IdentityDependencies } from './identity.ts'

/**
 * For what a stolen session must not do: its person has to type the password. Throws InvalidInput.
 * @returns the person's email address
 */
export async function demandPassword ({ db, passwords }: Pick<IdentityDependencies, 'db' | 'passwords'>, userId: string, password: string): Promise<string> {
  const user = await findUserWithPassword(db, { id: userId })
  if (!await passwords.verify(user?.passwordHash, password) || user === undefined) throw InvalidInput([{ pointer: '/password', message: 'is not the present password', code: 'WC_PASSWORD_WRONG' }])
  return user.email
}

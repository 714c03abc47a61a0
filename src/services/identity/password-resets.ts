import * as queries from '../../db/queries/password-resets.ts'
import { by, type Origin } from '../audit.ts'
import { InvalidInput } from '../problems.ts'
import type { IdentityDependencies } from './identity.ts'
import { resetLetter } from './mailer.ts'
import { passwordFaults } from './password-rules.ts'
import type { Sessions } from './sessions.ts'
import { createSecret, sha256 } from './tokens.ts'

export interface PasswordResets {
  /** Sends a token to the address where there is such an account; nobody learns whether there is. */
  request (email: string): Promise<void>
  /** Throws InvalidInput, for a token that is used, past or unknown too. */
  confirm (token: string, password: string, origin: Pick<Origin, 'ip' | 'requestId'>): Promise<void>
}

const LIFETIME = 3_600_000
const HOURLY = 5
const INVALID = { pointer: '/token', message: 'is not valid: it was used, has expired, or never was', code: 'WC_TOKEN_INVALID' }

export function createPasswordResets ({ db, clock, passwords, fallbackMailer, mailer, address, onBackgroundError }: IdentityDependencies, sessions: Sessions): PasswordResets {
  return {
    async request (email) {
      const { secret: token, secretHash: tokenHash } = createSecret()
      const now = clock()
      const to = await queries.insertReset(db, { email: email.trim(), tokenHash, now: new Date(now), expiresAt: new Date(now + LIFETIME), hourly: HOURLY })
      // Not waited for: how long a mail server takes would tell that there is such an account.
      if (to !== undefined) (mailer ?? fallbackMailer).send(resetLetter(to, token, address)).catch(onBackgroundError)
    },
    async confirm (token, password, { ip, requestId }) {
      const tokenHash = sha256(token)
      const now = new Date(clock())
      const found = await queries.findReset(db, tokenHash, now)
      if (found === undefined) throw InvalidInput([INVALID])
      const faults = passwordFaults(password, [found.email, found.name], '/password')
      if (faults.length > 0) throw InvalidInput(faults)
      const { userId } = found
      const origin: Origin = { actor: { type: 'user', id: userId }, ip, requestId }
      const done = await queries.resetPassword(db, userId, { tokenHash, passwordHash: await passwords.hash(password), now },
        { ...by(origin), action: 'user.passwordReset', targetType: 'user', targetId: userId })
      await sessions.forget(userId)
      if (!done) throw InvalidInput([INVALID])
    }
  }
}

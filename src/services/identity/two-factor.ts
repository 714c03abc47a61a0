import { randomBytes } from 'node:crypto'
import { NO_ORGANIZATION } from '../../db/queries/sealed-rows.ts'
import * as queries from '../../db/queries/two-factor.ts'
import { open, seal } from '../../lib/secret-box.ts'
import { by, type Origin } from '../audit.ts'
import { partsOf } from '../credentials/vault.ts'
import { Conflict, InvalidInput, TooManyRequests, TwoFactorRequired, Unauthenticated } from '../problems.ts'
import { demandPassword } from './demand-password.ts'
import type { IdentityDependencies } from './identity.ts'
import { base32, createTotpSecret, otpauthUrl, totpStep } from './totp.ts'
import { sha256 } from './tokens.ts'

export interface TwoFactor {
  state (userId: string): Promise<{ enabled: boolean, recoveryCodes: number }>
  /** A secret for an authenticator; in force once `confirm` has seen a code of it. Takes the password. */
  begin (userId: string, password: string): Promise<{ secret: string, otpauthUrl: string }>
  /** Codes to recover with, shown this once. */
  confirm (userId: string, code: string, origin: Origin): Promise<{ recoveryCodes: string[] }>
  disable (userId: string, password: string, code: string, origin: Origin): Promise<void>
  /** For a login whose password was right: throws unless there is no second factor or the code is one. */
  check (userId: string, code: string | undefined, origin: Origin): Promise<void>
}

const RECOVERY_CODES = 10
const RECOVERY_BYTES = 10
const MAX_FAILURES = 5
const LOCK = 15 * 60_000
const WRONG = { pointer: '/code', message: 'is not a code of this moment, or was used', code: 'WC_CODE_WRONG' }

export function createTwoFactor (dependencies: IdentityDependencies): TwoFactor {
  const { db, clock, keyring } = dependencies
  const now = (): Date => new Date(clock())
  const placeOf = (userId: string): readonly string[] => partsOf('twoFactor', { organizationId: NO_ORGANIZATION, credentialId: userId, version: 1 })

  async function stepOf (userId: string, row: queries.TwoFactorRow, code: string): Promise<number | null> {
    return totpStep(await open(keyring, row, placeOf(userId)), code, clock(), row.lastStep)
  }

  /** Whether the code was good; it is used up then. */
  async function take (userId: string, row: queries.TwoFactorRow, code: string, origin: Origin): Promise<boolean> {
    if (row.locked) throw TooManyRequests(LOCK / 1000)
    const step = await stepOf(userId, row, code)
    const taken = step !== null
      ? await queries.takeStep(db, userId, step)
      : await queries.takeRecoveryCode(db, userId, hashOf(code), { ...by(origin), action: 'user.recoveryCodeUsed', targetType: 'user', targetId: userId })
    if (!taken) await queries.countWrongCode(db, userId, MAX_FAILURES, new Date(clock() + LOCK))
    return taken
  }

  return {
    async state (userId) {
      const row = await queries.findTwoFactor(db, userId, now())
      return row?.confirmed === true ? { enabled: true, recoveryCodes: row.recoveryCodes } : { enabled: false, recoveryCodes: 0 }
    },
    async begin (userId, password) {
      const email = await demandPassword(dependencies, userId, password)
      const secret = createTotpSecret()
      if (!await queries.beginTwoFactor(db, userId, await seal(keyring, secret, placeOf(userId)))) throw Conflict('A second factor is in force. Disable it first.')
      return { secret: base32(secret), otpauthUrl: otpauthUrl(secret, email) }
    },
    async confirm (userId, code, origin) {
      const row = await queries.findTwoFactor(db, userId, now())
      if (row === undefined || row.confirmed) throw Conflict('There is nothing to confirm. Begin with POST /v1/auth/me/two-factor.')
      const step = await stepOf(userId, row, code)
      if (step === null) throw InvalidInput([WRONG])
      const recoveryCodes = Array.from({ length: RECOVERY_CODES }, () => base32(randomBytes(RECOVERY_BYTES)).replaceAll(/.{4}(?=.)/g, '$&-'))
      if (!await queries.confirmTwoFactor(db, userId, step, recoveryCodes.map(hashOf), { ...by(origin), action: 'user.twoFactorEnabled', targetType: 'user', targetId: userId })) throw Conflict('It is in force already.')
      return { recoveryCodes }
    },
    async disable (userId, password, code, origin) {
      await demandPassword(dependencies, userId, password)
      const row = await queries.findTwoFactor(db, userId, now())
      if (row?.confirmed !== true) throw Conflict('There is no second factor to disable.')
      if (!await take(userId, row, code, origin)) throw InvalidInput([WRONG])
      await queries.deleteTwoFactor(db, userId, { ...by(origin), action: 'user.twoFactorDisabled', targetType: 'user', targetId: userId })
    },
    async check (userId, code, origin) {
      const row = await queries.findTwoFactor(db, userId, now())
      if (row?.confirmed !== true) return
      if (code === undefined) throw TwoFactorRequired()
      if (!await take(userId, row, code, origin)) throw Unauthenticated('The code is not one of this moment, or was used. Send the next one, or a recovery code.')
    }
  }
}

/** 80 random bits need no slow hash; case and dashes are for people. */
function hashOf (code: string): Buffer {
  return sha256(code.toUpperCase().replaceAll(/[^A-Z2-7]/g, ''))
}

import type { PGlite } from '@electric-sql/pglite'
import { findMessage, messageType, parseMessage, queryMessage, readError, startupMessage, syncMessage } from './wire.ts'

/** emscripten's exit status for PostgreSQL's siglongjmp into its main loop: an ordinary SQL error. */
const LONGJMP_STATUS = 100

/** What the module offers below PGlite's own types. */
interface MainLoop { _PostgresMainLoopOnce: () => void }

/**
 * The one backend session of a PGlite instance, spoken to in protocol bytes. Every call runs to its end before it returns,
 * which is what makes it safe to share: nothing else can come between the messages of one call.
 */
export class Session {
  private readonly db: PGlite
  private role = ''

  /** @param onCrash called with the exception when the backend has died (PANIC, WebAssembly trap, out of memory) */
  constructor (db: PGlite, onCrash: (error: unknown) => void) {
    this.db = db
    watchMainLoop(db, onCrash)
  }

  /** Runs complete protocol messages and returns the backend's answer. */
  run (bytes: Uint8Array): Buffer {
    const answer: Buffer[] = []
    // Not awaited: with syncToFs off the promise of this call is settled when it returns. The chunks are views of
    // WebAssembly memory, which the next call overwrites, hence the copies.
    this.db.execProtocolRawStream(bytes, { syncToFs: false, onRawData: data => { answer.push(Buffer.from(data)) } })
      .catch((error: unknown) => { throw error })
    return answer.length === 1 && answer[0] !== undefined ? answer[0] : Buffer.concat(answer)
  }

  get inTransaction (): boolean {
    return this.db.isInTransaction()
  }

  /** The answer to a startup packet: authentication, parameters, key data, ready. */
  greeting (): Buffer {
    return this.run(startupMessage({ user: 'postgres', database: 'postgres' }))
  }

  /** Makes `role` ('' for the session's own user) the role of what runs next; must not be called in a transaction. */
  assume (role: string): { code: string, message: string } | undefined {
    if (role === this.role) return undefined
    const name = role === '' ? 'none' : `"${role.replaceAll('"', '""')}"`
    const error = findMessage(this.run(queryMessage(`set session role ${name}`)), messageType.error)
    if (error !== undefined) return readError(error)
    this.role = role
    return undefined
  }

  /**
   * Ends whatever a vanished connection left open. A Sync alone would commit the implicit transaction of messages sent
   * without one, so it is made to fail first.
   */
  abandon (): void {
    this.run(Buffer.concat([parseMessage('abandoned'), syncMessage()]))
    if (this.inTransaction) this.run(queryMessage('rollback'))
  }
}

/**
 * PGlite swallows every exception of its main loop and calls it again; for any but the longjmp of an SQL error that is an
 * endless loop on a dead backend.
 */
function watchMainLoop (db: PGlite, onCrash: (error: unknown) => void): void {
  const module = db.Module as unknown as MainLoop
  const once = module._PostgresMainLoopOnce
  module._PostgresMainLoopOnce = () => {
    try {
      once()
    } catch (error) {
      if ((error as { status?: number }).status !== LONGJMP_STATUS) onCrash(error)
      throw error
    }
  }
}

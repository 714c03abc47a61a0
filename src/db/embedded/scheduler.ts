import type { Session } from './session.ts'
import { closeStatementMessage, syncMessage, type Unit } from './wire.ts'

/** So many bytes of one connection's pipeline run before the next connection has its turn. */
const TURN_BYTES = 1 << 20
const TURN_UNITS = 32

/** What the scheduler needs of a connection. */
export interface Client {
  /** The role it runs in; '' is the session's own. */
  readonly role: string
  /** Takes the backend's answer. */
  send (answer: Buffer): void
  /** Ends it with an error of its own, after which it must call `leave`. */
  fail (code: string, message: string): void
}

interface Seat {
  readonly client: Client
  /** The answer to its startup, owed until its first turn has shown that the role exists. */
  greeting: Buffer | undefined
  readonly units: Unit[]
  /** Prepared statements live in the session and would outlive the connection. */
  readonly statements: Set<string>
}

export interface SchedulerOptions {
  session: Session
  /** A transaction that its connection leaves alone for so long is rolled back: it holds up all others. */
  idleInTransactionMs: number
}

/**
 * Gives the one session to many connections: each turn is a run of whole units of one connection; a connection inside a
 * transaction, or between Flush and Sync, keeps the session until it is through.
 */
export class Scheduler {
  private readonly session: Session
  private readonly idleInTransactionMs: number
  private readonly seats = new Map<Client, Seat>()
  private readonly queue = new Set<Seat>()
  private readonly exclusives: Array<() => Promise<void>> = []
  private owner: Seat | undefined
  private ownerTimer: NodeJS.Timeout | undefined
  private stale: string[] = []
  private exclusive = false
  private scheduled = false
  private lastTurn = performance.now()
  /** Turns taken so far: whether anything ran since the last look. */
  turns = 0

  constructor ({ session, idleInTransactionMs }: SchedulerOptions) {
    this.session = session
    this.idleInTransactionMs = idleInTransactionMs
  }

  /** For how long nobody has used or wanted the session, in milliseconds; 0 while somebody does. */
  get idleMs (): number {
    const wanted = this.exclusive || this.owner !== undefined || this.queue.size > 0
    return wanted ? 0 : performance.now() - this.lastTurn
  }

  join (client: Client, greeting: Buffer): void {
    const seat: Seat = { client, greeting, units: [], statements: new Set() }
    this.seats.set(client, seat)
    this.queue.add(seat)
    this.schedule()
  }

  submit (client: Client, units: readonly Unit[]): void {
    const seat = this.seats.get(client)
    if (seat === undefined || units.length === 0) return
    seat.units.push(...units)
    this.queue.add(seat)
    this.schedule()
  }

  /** Forgets a connection: what it had not begun never runs, what it left open is rolled back. */
  leave (client: Client): void {
    const seat = this.seats.get(client)
    if (seat === undefined) return
    this.seats.delete(client)
    this.queue.delete(seat)
    this.stale.push(...seat.statements)
    if (this.owner === seat) {
      this.session.abandon()
      this.setOwner(undefined)
    }
    this.schedule()
  }

  /** Runs `work` alone, between transactions, before any connection that waits. */
  async runExclusive<T> (work: () => Promise<T>): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      this.exclusives.push(async () => { await work().then(resolve, reject) })
      this.schedule()
    })
  }

  // One turn for each round of the event loop, so that sockets are read and answers leave between turns.
  private schedule (): void {
    if (this.scheduled || this.exclusive) return
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      this.next()
    })
  }

  private next (): void {
    if (this.owner === undefined) {
      this.dropStale()
      const work = this.exclusives.shift()
      if (work !== undefined) return this.startExclusive(work)
    }
    const seat = this.owner ?? first(this.queue)
    if (seat === undefined || !this.queue.delete(seat)) return
    this.turn(seat)
    if (seat.units.length > 0 && this.seats.has(seat.client)) this.queue.add(seat)
    if (this.queue.size > 0 || this.exclusives.length > 0) this.schedule()
  }

  private startExclusive (work: () => Promise<void>): void {
    this.exclusive = true
    this.session.assume('')
    void work().finally(() => {
      this.exclusive = false
      this.schedule()
    })
  }

  private turn (seat: Seat): void {
    if (this.owner === undefined) {
      const refused = this.session.assume(seat.client.role)
      if (refused !== undefined) return seat.client.fail(refused.code, refused.message)
    }
    if (seat.greeting !== undefined) {
      seat.client.send(seat.greeting)
      seat.greeting = undefined
    }
    const units = takeTurn(seat.units)
    if (units.length === 0) return
    const answer = this.session.run(units.length === 1 && units[0] !== undefined ? units[0].bytes : Buffer.concat(units.map(unit => unit.bytes)))
    this.turns++
    this.lastTurn = performance.now()
    for (const unit of units) {
      for (const name of unit.prepared) seat.statements.add(name)
      for (const name of unit.dropped) seat.statements.delete(name)
    }
    this.setOwner(units.at(-1)?.synced === false || this.session.inTransaction ? seat : undefined)
    seat.client.send(answer)
  }

  private setOwner (seat: Seat | undefined): void {
    clearTimeout(this.ownerTimer)
    this.owner = seat
    if (seat === undefined) return
    this.ownerTimer = setTimeout(() => {
      // A query that ran for long makes the timer fire although the next message is already here.
      if (this.queue.has(seat)) return
      seat.client.fail('25P03', 'terminating connection due to idle-in-transaction timeout')
    }, this.idleInTransactionMs)
  }

  private dropStale (): void {
    if (this.stale.length === 0) return
    this.session.run(Buffer.concat([...this.stale.map(closeStatementMessage), syncMessage()]))
    this.stale = []
  }
}

/** At least one unit, then more while they fit; `units` keeps the rest. */
function takeTurn (units: Unit[]): Unit[] {
  let count = 0
  for (let bytes = 0; count < units.length && count < TURN_UNITS && (count === 0 || bytes < TURN_BYTES); count++) {
    bytes += units[count]?.bytes.length ?? 0
  }
  return units.splice(0, count)
}

function first<T> (set: Set<T>): T | undefined {
  const { value, done } = set.values().next()
  return done === true ? undefined : value
}

import { existsSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { createCluster, openCluster } from './cluster.ts'
import { Maintenance } from './maintenance.ts'
import type { LogLevel, WorkerInput, WorkerMessage } from './messages.ts'
import { Scheduler } from './scheduler.ts'
import { ProtocolServer } from './server.ts'
import { Session } from './session.ts'

const CLOSE_GRACE_MS = 5_000
const LAST_LINES = 5

const input = workerData as WorkerInput
const serverLog: string[] = []

function post (message: WorkerMessage): void {
  parentPort?.postMessage(message)
}

function log (level: LogLevel, message: string, data: object = {}): void {
  post({ type: 'log', level, message, data })
}

function keepLine (line: string): void {
  serverLog.push(line)
  if (serverLog.length > LAST_LINES) serverLog.shift()
}

function fail (error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error)
  post({ type: 'failed', message: [reason, ...serverLog].join('; ') })
  process.exit(1)
}

async function start (): Promise<() => Promise<void>> {
  if (!existsSync(input.directory)) await createCluster(input.directory, keepLine)
  const db = await openCluster(input.directory, keepLine)
  const session = new Session(db, fail)
  const scheduler = new Scheduler({ session, idleInTransactionMs: input.idleInTransactionMs })
  const server = new ProtocolServer(scheduler, session.greeting())
  const maintenance = new Maintenance({ db, scheduler, intervalMs: input.maintenanceIntervalMs, log })
  const port = await server.listen(input.address)
  maintenance.start()
  post({ type: 'ready', port })

  return async function close () {
    maintenance.stop()
    await server.close(CLOSE_GRACE_MS)
    await scheduler.runExclusive(async () => {
      await db.exec('checkpoint')
      await db.close()
    })
  }
}

const closing = start().catch(fail)
parentPort?.once('message', () => {
  // Ended here and not by an empty event loop: whatever still holds the thread holds nothing of the database.
  void closing.then(async close => await close()).then(() => process.exit(0), fail)
})

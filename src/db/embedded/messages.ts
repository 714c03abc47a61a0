import type { ListenAddress } from './server.ts'

export interface WorkerInput {
  /** PostgreSQL's data directory; made by initdb when it does not exist. */
  directory: string
  address: ListenAddress
  maintenanceIntervalMs: number
  idleInTransactionMs: number
}

export type LogLevel = 'info' | 'warn' | 'error'

/** From the worker to its parent; the parent's only message is 'close'. */
export type WorkerMessage =
  | { type: 'ready', port: number | undefined }
  | { type: 'log', level: LogLevel, message: string, data: object }
  | { type: 'failed', message: string }

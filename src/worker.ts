import { runProcess } from './runtime/process.ts'

/** A worker alone: `npm run start:worker`. */
await runProcess('worker')

import { runProcess } from './runtime/process.ts'

/** API and worker in one process: `npm start`. */
await runProcess('all')

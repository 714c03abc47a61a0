import { runProcess } from './runtime/process.ts'

/** The API alone: `npm run start:api`. */
await runProcess('api')

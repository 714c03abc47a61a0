#!/usr/bin/env node
import { existsSync } from 'node:fs'

// What works on the database itself is no client of the service.
const main = new URL(process.argv[2] === 'keys' ? '../dist/keys.js' : '../dist/cli/main.js', import.meta.url)
if (existsSync(main)) {
  await import(main.href)
} else {
  console.error('weconnect is not built yet. Run: npm run build')
  process.exitCode = 2
}

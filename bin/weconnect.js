#!/usr/bin/env node
import { existsSync } from 'node:fs'

// What works on the database itself is no client of the service.
const own = ['keys', 'quotas'].find(name => name === process.argv[2])
const main = new URL(own === undefined ? '../dist/cli/main.js' : `../dist/${own}.js`, import.meta.url)
if (existsSync(main)) {
  await import(main.href)
} else {
  console.error('weconnect is not built yet. Run: npm run build')
  process.exitCode = 2
}

// Run by the build, after tsc: makes the archive from which the first start of the embedded database begins.
import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import postgres from 'postgres'
import { buildSeed } from '../dist/db/embedded/build-seed.js'
import { seedFile } from '../dist/db/embedded/seed.js'
import { migrate } from '../dist/db/migrate.js'

const file = await seedFile()
if (existsSync(file)) {
  console.log(`The seed of the embedded database is up to date: ${file}`)
} else {
  await removeOthers(dirname(file))
  await buildSeed({
    outFile: file,
    log: (level, message, data) => { if (level !== 'info') console.error(message, data) },
    async apply (connection) {
      const owner = postgres({ ...connection, max: 1, onnotice: () => {} })
      try {
        await migrate(owner)
      } finally {
        await owner.end()
      }
    }
  })
  console.log(`Built the seed of the embedded database: ${file}`)
}

async function removeOthers (directory) {
  if (!existsSync(directory)) return
  for (const name of await readdir(directory)) await rm(join(directory, name))
}

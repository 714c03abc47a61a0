import { randomBytes } from 'node:crypto'
import { createConnection } from 'mysql2/promise'
import type { Test } from 'tap'
import { databaseCredential } from './database-credential.ts'
import type { Site } from './durable-path.ts'
import { startMailServer } from './mail-server.ts'
import { noRedis, startRedis } from './redis-server.ts'
import { startS3Server } from './s3-server.ts'

export interface ExampleServer {
  /** Why the example is left out; false where it runs. */
  readonly skip: string | false
  /**
   * The server, with what the page says is there.
   * @returns what a credential for it has, in place of the same properties of the page's; undefined: it has none
   */
  start (t: Test, site: Site, tables: string): Promise<Readonly<Record<string, unknown>>>
}

const mysqlUrl = process.env['TEST_MYSQL_URL']

/** By node type: what the example of its page talks to. */
export const exampleServers: Readonly<Record<string, ExampleServer>> = {
  postgres: {
    skip: false,
    async start (t, { database }, tables) {
      const owner = database.owner()
      await owner.unsafe(tables).finally(async () => { await owner.end() })
      return { password: undefined, ...(await databaseCredential(t, database.address)).data }
    }
  },
  mysql: {
    skip: mysqlUrl === undefined && 'needs a server: set TEST_MYSQL_URL',
    async start (t, _site, tables) {
      const { hostname, port, username, password } = new URL(mysqlUrl!)
      const login = { host: hostname, port: Number(port || 3306), password: password === '' ? undefined : password }
      const admin = await createConnection({ host: login.host, port: login.port, user: username, password })
      const database = `wc_test_${randomBytes(6).toString('hex')}`
      t.teardown(async () => {
        await admin.query(`drop database ${database}`)
        await admin.end()
      })
      await admin.query(`create database ${database}`)
      await admin.query(`use ${database}`)
      await admin.query(tables)
      return { ...login, username, database }
    }
  },
  redis: {
    skip: noRedis,
    async start (t) {
      const { address: { host, port } } = await startRedis(t)
      return { host, port, password: undefined }
    }
  },
  s3: {
    skip: false,
    async start (t) {
      const { address: { endpoint, accessKeyId, secretAccessKey } } = await startS3Server(t, 'orders')
      return { endpoint, accessKeyId, secretAccessKey }
    }
  },
  sendEmail: {
    skip: false,
    start: async t => ({ ...(await startMailServer(t)).data })
  }
}

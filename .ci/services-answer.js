// Whether the PostgreSQL and the Redis of TEST_DATABASE_URL and TEST_REDIS_URL answer.
import { Redis } from 'ioredis'
import postgres from 'postgres'

const PATIENCE = 5

async function askPostgres (url) {
  const sql = postgres(url, { max: 1, connect_timeout: PATIENCE })
  try {
    await sql`select 1`
  } finally {
    await sql.end({ timeout: 1 })
  }
}

async function askRedis (url) {
  const redis = new Redis(url, { lazyConnect: true, connectTimeout: PATIENCE * 1000, retryStrategy: () => null })
  redis.on('error', () => {})
  try {
    await redis.connect()
    await redis.ping()
  } finally {
    redis.disconnect()
  }
}

const answers = await Promise.allSettled([askPostgres(process.env.TEST_DATABASE_URL), askRedis(process.env.TEST_REDIS_URL)])
answers.forEach(({ status, reason }, index) => {
  if (status === 'rejected') console.error(`${['PostgreSQL', 'Redis'][index]} does not answer: ${reason?.code ?? reason?.message}`)
})
process.exitCode = answers.every(({ status }) => status === 'fulfilled') ? 0 : 1

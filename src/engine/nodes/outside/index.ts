import type { NodeType } from '../node-type.ts'
import { graphql } from './graphql.ts'
import { redis } from './redis.ts'
import { s3 } from './s3.ts'
import { sendEmail } from './send-email.ts'
import { mysql, postgres } from './sql.ts'

/** Nodes that speak with services of others, beside HTTP itself. */
export const outsideNodes: readonly NodeType[] = [graphql, postgres, mysql, redis, sendEmail, s3]

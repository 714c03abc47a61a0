import { Type } from '@sinclair/typebox'
import { oneOf } from '../schemas.ts'
import { hostName, plainText, portNumber, secretText, webAddress } from './credential-type.ts'
import type { CredentialType } from './credential-type.ts'

const tls = Type.Optional(oneOf(['off', 'unverified', 'verified'], {
  title: 'TLS', description: 'off: in the clear; unverified: encrypted, whoever answers; verified: encrypted, with a certificate for the host.', default: 'off', 'x-destination': true
}))

function database (type: string, title: string, port: number): CredentialType {
  return {
    type,
    title,
    description: `A database on a ${title} server.`,
    data: Type.Object({
      host: hostName(),
      port: portNumber(port),
      database: plainText({ title: 'Database', maxLength: 128 }),
      username: plainText({ title: 'User', maxLength: 128 }),
      password: Type.Optional(secretText({ title: 'Password' })),
      tls
    }, { additionalProperties: false })
  }
}

export const postgres = database('postgres', 'PostgreSQL', 5432)
export const mysql = database('mysql', 'MySQL', 3306)

export const redis: CredentialType = {
  type: 'redis',
  title: 'Redis',
  description: 'A database on a Redis server.',
  data: Type.Object({
    host: hostName(),
    port: portNumber(6379),
    database: Type.Optional(Type.Integer({ title: 'Database', minimum: 0, maximum: 65_535, default: 0 })),
    username: Type.Optional(plainText({ title: 'User', maxLength: 128 })),
    password: Type.Optional(secretText({ title: 'Password' })),
    tls
  }, { additionalProperties: false })
}

export const smtp: CredentialType = {
  type: 'smtp',
  title: 'SMTP',
  description: 'A server that sends mail.',
  data: Type.Object({
    host: hostName({ examples: ['smtp.example.com'] }),
    port: portNumber(587),
    security: Type.Optional(oneOf(['starttls', 'tls', 'off'], {
      title: 'Security', description: 'starttls: encrypted before anything is said (port 587); tls: encrypted from the start (port 465); off: in the clear.', default: 'starttls', 'x-destination': true
    })),
    username: Type.Optional(plainText({ title: 'User', maxLength: 320 })),
    password: Type.Optional(secretText({ title: 'Password' }))
  }, { additionalProperties: false }),
  check: ({ username, password }) => username === undefined && password !== undefined
    ? [{ pointer: '/username', message: 'is required beside a password', code: 'WC_REQUIRED' }]
    : []
}

export const aws: CredentialType = {
  type: 'aws',
  title: 'AWS access key',
  description: 'Signs requests (AWS Signature Version 4), also to storage of others that speaks S3.',
  data: Type.Object({
    accessKeyId: plainText({ title: 'Access key id', maxLength: 256, pattern: '^[\\x21-\\x2e\\x30-\\x7e]+$' }),
    secretAccessKey: secretText({ title: 'Secret access key' }),
    sessionToken: Type.Optional(secretText({ title: 'Session token', pattern: '^[\\x21-\\x7e]+$' })),
    region: Type.Optional(plainText({ title: 'Region', maxLength: 64, pattern: '^[a-z0-9-]+$', default: 'us-east-1' })),
    endpoint: Type.Optional(webAddress({ title: 'S3 endpoint', description: 'Of storage that is not Amazon\'s.', examples: ['https://storage.example.com'] }))
  }, { additionalProperties: false })
}

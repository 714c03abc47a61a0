import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { DatabaseAddress } from '../../src/db/client.ts'
import type { Credential } from '../../src/engine/credentials/index.ts'
import type { Teardown } from './database.ts'

/** The test's own database as a workflow would reach it: the embedded one has no port, so it gets one here. */
export async function databaseCredential (t: Teardown, { host, port, path, username, password, database }: DatabaseAddress): Promise<Credential> {
  const place = path === undefined ? { host: host ?? '127.0.0.1', port: port ?? 5432 } : { host: '127.0.0.1', port: await openPort(t, path) }
  return { id: 'database', type: 'postgres', allowedHosts: null, data: { ...place, username, database, ...(password === undefined ? {} : { password }) } }
}

async function openPort (t: Teardown, path: string): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    const far = connect(path)
    for (const end of [socket, far]) {
      sockets.add(end)
      end.on('error', () => {})
      end.on('close', () => { sockets.delete(end); socket.destroy(); far.destroy() })
    }
    socket.pipe(far).pipe(socket)
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>(resolve => { server.close(() => { resolve() }) })
  })
  return (server.address() as AddressInfo).port
}

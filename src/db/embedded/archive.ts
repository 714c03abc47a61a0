import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, normalize, relative, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGzip, gunzip } from 'node:zlib'

/*
 * Just enough of the ustar format (POSIX.1-1988) for a data directory of plain files and directories with short names:
 * the archive can be looked into with any tar, and unpacking needs no package.
 */
const BLOCK = 512
const NAME_BYTES = 100
const TYPE_FILE = 0x30
const TYPE_DIRECTORY = 0x35

export async function packDirectory (directory: string, file: string): Promise<void> {
  await pipeline(Readable.from(entries(directory)), createGzip({ level: 9 }), createWriteStream(file, { flush: true }))
}

async function * entries (directory: string): AsyncGenerator<Buffer> {
  const names = (await readdir(directory, { recursive: true })).sort()
  for (const name of names) {
    const info = await stat(join(directory, name))
    const path = name.split(sep).join('/')
    yield header(info.isDirectory() ? `${path}/` : path, info.isDirectory() ? 0 : info.size)
    if (info.isDirectory()) continue
    const content = await readFile(join(directory, name))
    yield content
    yield Buffer.alloc(padding(content.length))
  }
  yield Buffer.alloc(2 * BLOCK)
}

function header (name: string, size: number): Buffer {
  if (Buffer.byteLength(name) >= NAME_BYTES) throw new Error(`Name too long for the archive: ${name}`)
  const block = Buffer.alloc(BLOCK)
  block.write(name)
  block.write(name.endsWith('/') ? '0000700\0' : '0000600\0', 100)
  block.write('0000000\0'.repeat(2), 108)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block[156] = name.endsWith('/') ? TYPE_DIRECTORY : TYPE_FILE
  block.write('ustar\x0000', 257)
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** The sum of the header's bytes, its own field counted as spaces. */
function checksum (block: Buffer): number {
  return block.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0)
}

function padding (size: number): number {
  return (BLOCK - size % BLOCK) % BLOCK
}

/**
 * Throws for an archive that is damaged or cut off; the directory is then incomplete. Whole and synchronous: the data directory
 * is hundreds of small files, of which each chunk that is awaited costs more than its bytes.
 */
export async function unpackArchive (file: string, directory: string): Promise<void> {
  const bytes = await promisify(gunzip)(await readFile(file))
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const folders = new Set([directory])
  for (let at = 0; ;) {
    const head = bytes.subarray(at, at += BLOCK)
    if (head.length < BLOCK) throw new Error(`The archive ${file} is cut off`)
    if (head[0] === 0) return
    if (checksum(head) !== parseInt(head.toString('latin1', 148, 154), 8)) throw new Error(`The archive ${file} is damaged`)
    const path = inside(directory, head.toString('utf8', 0, head.indexOf(0)))
    const isDirectory = head[156] === TYPE_DIRECTORY
    const folder = isDirectory ? path : dirname(path)
    if (!folders.has(folder)) {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      folders.add(folder)
    }
    if (isDirectory) continue
    const size = parseInt(head.toString('latin1', 124, 135), 8)
    if (at + size > bytes.length) throw new Error(`The archive ${file} is cut off`)
    writeFileSync(path, bytes.subarray(at, at + size), { flag: 'wx', mode: 0o600 })
    at += size + padding(size)
  }
}

function inside (directory: string, name: string): string {
  const path = join(directory, normalize(name))
  if (relative(directory, path).startsWith('..')) throw new Error(`The archive reaches outside of its directory: ${name}`)
  return path
}

import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, readdir, readFile, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join, normalize, relative, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'

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

/** Throws for an archive that is damaged or cut off; the directory is then incomplete. */
export async function unpackArchive (file: string, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const unpacker = new Unpacker(directory)
  await pipeline(createReadStream(file), createGunzip(), async source => {
    try {
      for await (const chunk of source) await unpacker.write(chunk as Buffer)
    } finally {
      await unpacker.close()
    }
  })
  if (!unpacker.complete) throw new Error(`The archive ${file} is cut off`)
}

class Unpacker {
  complete = false
  private readonly directory: string
  private head = Buffer.alloc(0)
  private file: FileHandle | undefined
  private remaining = 0
  private skip = 0

  constructor (directory: string) {
    this.directory = directory
  }

  async close (): Promise<void> {
    await this.file?.close()
    this.file = undefined
  }

  async write (chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length && !this.complete;) {
      const rest = chunk.subarray(at)
      if (this.remaining > 0) at += await this.content(rest)
      else if (this.skip > 0) at += this.pad(rest)
      else at += await this.header(rest)
    }
  }

  private async content (bytes: Buffer): Promise<number> {
    const part = bytes.subarray(0, this.remaining)
    await this.file?.writeFile(part)
    this.remaining -= part.length
    if (this.remaining === 0) await this.close()
    return part.length
  }

  private pad (bytes: Buffer): number {
    const count = Math.min(bytes.length, this.skip)
    this.skip -= count
    return count
  }

  private async header (bytes: Buffer): Promise<number> {
    const part = bytes.subarray(0, BLOCK - this.head.length)
    this.head = Buffer.concat([this.head, part])
    if (this.head.length === BLOCK) {
      const block = this.head
      this.head = Buffer.alloc(0)
      await this.enter(block)
    }
    return part.length
  }

  private async enter (block: Buffer): Promise<void> {
    if (block[0] === 0) {
      this.complete = true
      return
    }
    if (checksum(block) !== parseInt(block.toString('latin1', 148, 154), 8)) throw new Error('The archive is damaged')
    const path = this.inside(block.toString('utf8', 0, block.indexOf(0)))
    if (block[156] === TYPE_DIRECTORY) {
      await mkdir(path, { recursive: true, mode: 0o700 })
      return
    }
    const size = parseInt(block.toString('latin1', 124, 135), 8)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    this.file = await open(path, 'wx', 0o600)
    this.remaining = size
    this.skip = padding(size)
    if (size === 0) await this.close()
  }

  private inside (name: string): string {
    const path = join(this.directory, normalize(name))
    if (relative(this.directory, path).startsWith('..')) throw new Error(`The archive reaches outside of its directory: ${name}`)
    return path
  }
}

import type { BinaryRef, Item } from '../../item.ts'
import { NodeError } from '../../node-error.ts'

/** The binary data that an item has under this name; without a name, the only one that it has. `pointer`: which parameter said so. Throws NodeError. */
export function binaryOf ({ binary = {} }: Item, name: string | undefined, pointer = '/binaryName'): BinaryRef {
  const names = Object.keys(binary)
  const wanted = name ?? (names.length === 1 ? names[0] : undefined)
  if (wanted !== undefined && Object.hasOwn(binary, wanted)) return binary[wanted]!
  const has = names.length === 0 ? 'none' : names.slice(0, 10).join(', ')
  throw new NodeError('WC_PARAMETER', name === undefined
    ? `Name the binary data: the item has ${has}`
    : `The item has no binary data called ${JSON.stringify(name)}; it has ${has}`, { pointer })
}

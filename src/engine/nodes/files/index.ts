import type { NodeType } from '../node-type.ts'
import { convertToFile } from './convert-to-file.ts'
import { extractFromFile } from './extract-from-file.ts'
import { readWriteFile } from './read-write-file.ts'

/** What turns files into items, and items into files. */
export const fileNodes: readonly NodeType[] = [extractFromFile, convertToFile, readWriteFile]

import type { NodeType } from '../node-type.ts'
import { aggregate } from './aggregate.ts'
import { compareDatasets } from './compare-datasets.ts'
import { crypto } from './crypto.ts'
import { dateTime } from './date-time.ts'
import { html } from './html.ts'
import { limit } from './limit.ts'
import { markdown } from './markdown.ts'
import { removeDuplicates } from './remove-duplicates.ts'
import { renameKeys } from './rename-keys.ts'
import { sort } from './sort.ts'
import { splitOut } from './split-out.ts'
import { summarize } from './summarize.ts'
import { xml } from './xml.ts'

/** What reshapes items: lists, fields, text and dates. */
export const dataNodes: readonly NodeType[] = [
  sort, limit, removeDuplicates, splitOut, aggregate, summarize, renameKeys, compareDatasets, dateTime, crypto, html, xml, markdown
]

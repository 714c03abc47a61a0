import contentDisposition from 'content-disposition'
import type { BinaryRef } from '../item.ts'
import type { NodeFiles } from './node-files.ts'
import type { OutgoingRequest, ResponseHead } from './node-type.ts'

/** An answer that becomes a file while it arrives. */
export interface Download {
  /** Undefined where the answer has no body. */
  readonly file: BinaryRef | undefined
  /** @param failing whether the answer is an error, and read as one, from 400 on */
  sink (failing: boolean): NonNullable<OutgoingRequest['sink']>
}

const WITHOUT_BODY = new Set([204, 205, 304])

export function createDownload (files: NodeFiles): Download {
  let file: BinaryRef | undefined
  return {
    get file () { return file },
    sink: failing => head => {
      if ((failing && head.status >= 400) || WITHOUT_BODY.has(head.status)) return undefined
      return async body => {
        const fileName = nameOf(head)
        file = await files.write(body, { mimeType: head.headers['content-type'] ?? 'application/octet-stream', ...(fileName !== '' && { fileName }) })
      }
    }
  }
}

/** What the far side calls it, or else the end of its path. */
function nameOf ({ headers, url }: ResponseHead): string {
  try {
    const { filename } = contentDisposition.parse(headers['content-disposition'] ?? '').parameters
    if (filename !== undefined) return filename
  } catch {
    // None, or one that is not of the grammar.
  }
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}

const UNKNOWN = 'application/octet-stream'

/** Of files that workflows often meet; what others are is for them to say. */
const BY_ENDING: ReadonlyMap<string, string> = new Map([
  ['csv', 'text/csv'], ['gif', 'image/gif'], ['gz', 'application/gzip'], ['html', 'text/html'], ['jpeg', 'image/jpeg'], ['jpg', 'image/jpeg'], ['json', 'application/json'],
  ['jsonl', 'application/x-ndjson'], ['md', 'text/markdown'], ['ndjson', 'application/x-ndjson'], ['pdf', 'application/pdf'], ['png', 'image/png'], ['svg', 'image/svg+xml'],
  ['txt', 'text/plain'], ['log', 'text/plain'], ['webp', 'image/webp'], ['xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'], ['xml', 'application/xml'], ['zip', 'application/zip']
])

/** What a file is by the ending of its name. */
export function mimeTypeOf (name: string): string {
  return BY_ENDING.get(name.split('.').at(-1)!.toLowerCase()) ?? UNKNOWN
}

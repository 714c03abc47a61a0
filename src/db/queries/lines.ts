/**
 * A column of a batch as one text parameter, a line a row, for `string_to_array(…, E'\n')`: cheaper to send and
 * unpack than an array. JSON text has no raw line break inside a string, so `oneLine` may blank those between tokens.
 */
export function lines<T> (rows: readonly T[], column: (row: T) => string | number): string {
  let text = ''
  for (let index = 0; index < rows.length; index++) {
    if (index > 0) text += '\n'
    text += column(rows[index]!)
  }
  return text
}

/** JSON text without line breaks; they can stand between tokens only. */
export function oneLine (json: string): string {
  return json.includes('\n') ? json.replaceAll('\n', ' ') : json
}

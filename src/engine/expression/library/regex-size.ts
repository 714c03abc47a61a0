/**
 * Instructions that a pattern compiles to, roughly: atoms, times the bounds of counted repeats around them.
 * Asked before compiling, since `(?:\pL{1,1000}){9}` makes a large program of a short text.
 */
export function estimateRegexSize (source: string): number {
  const groups: number[] = [0]
  let last = 0
  for (let index = 0; index < source.length; index++) {
    const character = source[index]
    if (character === '(') {
      groups.push(0)
      last = 0
    } else if (character === ')' && groups.length > 1) {
      last = groups.pop()! + 2
      add(groups, last)
    } else if (character === '{') {
      const times = repeatBound(source, index)
      add(groups, last * Math.max(0, times - 1))
      last *= Math.max(1, times)
    } else {
      if (character === '[') index = classEnd(source, index)
      if (character === '\\') index++
      last = 1
      add(groups, 1)
    }
  }
  return groups.reduce((sum, size) => sum + size, 0)
}

function add (groups: number[], size: number): void {
  groups[groups.length - 1]! += size
}

/** The greater bound of `{n,m}` at `index`; 1 where the brace is literal. */
function repeatBound (source: string, index: number): number {
  const match = /^\{(\d{1,6})(?:,(\d{0,6}))?\}/.exec(source.slice(index, index + 16))
  if (match === null) return 1
  return Math.max(Number(match[1]), Number(match[2] ?? 0), 1)
}

function classEnd (source: string, start: number): number {
  for (let index = start + 1; index < source.length; index++) {
    if (source[index] === '\\') index++
    else if (source[index] === ']') return index
  }
  return source.length
}

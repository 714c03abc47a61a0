// NUL cannot be stored as text, and half of a surrogate pair would come back as another character.
const UNSTORABLE = /[\0\p{Surrogate}]/u

export function isStorable (text: string): boolean {
  return !UNSTORABLE.test(text)
}

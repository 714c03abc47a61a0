import { randomBytes } from 'node:crypto'

const MAX_LENGTH = 48

/** Lower-case letters, digits and dashes of a name, for `/hooks/:organizationSlug`. */
export function slugOf (name: string): string {
  const slug = name.slice(0, 255).normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-+|-+$/g, '')
  return slug.slice(0, MAX_LENGTH).replace(/-+$/, '') || 'organization'
}

/** The same name, taken by somebody else: unlike a counter, random digits do not tell how many there are. */
export function slugVariant (slug: string): string {
  return `${slug}-${randomBytes(3).toString('hex')}`
}

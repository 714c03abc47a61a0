/** @import { NodeDefinition } from 'weconnect/node' */

const MARKS = /\p{Mark}/gu
const NO_WORD = /[^\p{Letter}\p{Number}]+/gu

/** @type {NodeDefinition<{ text: string, field?: string }>} */
export const slugify = {
  type: 'slugify',
  title: 'Slugify',
  description: 'Makes a text fit for an address: "Crème brûlée!" becomes creme-brulee.',
  icon: 'link',
  category: 'data',
  // It changes nothing in the world, so it may run again whenever a worker dies.
  effects: 'none',
  parameters: {
    type: 'object',
    properties: {
      text: { type: 'string', title: 'Text', description: 'What to make a slug of.', examples: ['{{ $json.title }}'] },
      field: { type: 'string', title: 'Field', description: 'Where the slug goes.', default: 'slug', minLength: 1, maxLength: 64, 'x-expression': false }
    },
    required: ['text'],
    additionalProperties: false
  },
  run ({ items, parameters }) {
    const main = items.map((_, from) => {
      const { text, field = 'slug' } = parameters(from)
      return { from, patch: { [field]: slugOf(text) } }
    })
    return { outputs: { main } }
  }
}

/** @param {string} text */
export function slugOf (text) {
  return text.normalize('NFKD').replace(MARKS, '').toLowerCase().replace(NO_WORD, '-').replace(/^-|-$/g, '')
}

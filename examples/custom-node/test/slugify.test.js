import assert from 'node:assert/strict'
import test from 'node:test'
import { slugify, slugOf } from '../slugify.js'

test('words in small letters, joined by dashes', () => {
  assert.equal(slugOf('Crème brûlée!'), 'creme-brulee')
  assert.equal(slugOf('  Straße 7 / Hof '), 'straße-7-hof')
  assert.equal(slugOf('???'), '')
})

test('each item gets its slug and keeps the rest', async () => {
  const texts = ['One', 'Two & three']
  const context = { items: texts.map(text => ({ json: { text } })), parameters: index => ({ text: texts[index] }) }
  assert.deepEqual(await slugify.run(context), {
    outputs: { main: [{ from: 0, patch: { slug: 'one' } }, { from: 1, patch: { slug: 'two-three' } }] }
  })
})

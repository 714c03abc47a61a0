import { exchangeRate } from './exchange-rate.js'
import { slugify } from './slugify.js'

/** The version of the interface that these nodes are written against. */
export const apiVersion = 1

export const nodes = [slugify, exchangeRate]

// Tests and benchmarks run from their TypeScript sources: this compiles them (see hooks.js).
import { register } from 'node:module'

register('./hooks.js', import.meta.url)

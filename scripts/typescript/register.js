// Tests and benchmarks run from their TypeScript sources: this compiles them (see hooks.js). tap has a compiler of its own, which
// compiles every module again in every process and took two thirds of a test's start; the variable is its off switch.
import { register } from 'node:module'

process.env.TAP_TYPE_STRIP_ONLY = '1'
register('./hooks.js', import.meta.url)

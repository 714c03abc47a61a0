import { spawnSync } from 'node:child_process'
import t from 'tap'
import { FLAGS } from '../../src/runtime/garbage-collection.ts'

/** Told of a flag that it does not know, V8 writes to the standard error and goes on. */
function complaintsAbout (flags: readonly string[]): string {
  const code = `import { setFlagsFromString } from 'node:v8'; for (const flag of ${JSON.stringify(flags)}) setFlagsFromString(flag)`
  return spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' }).stderr
}

t.test('this Node knows every flag that is set', async t => {
  t.equal(complaintsAbout(FLAGS), '')
  t.match(complaintsAbout([...FLAGS, '--no-such-flag-of-v8']), /no-such-flag-of-v8/, 'it would say so')
})

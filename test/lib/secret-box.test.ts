import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createKeyring, localKey, open, rewrap, seal, SecretBoxError, type SealedSecret } from '../../src/lib/secret-box.ts'

const [first, second] = [localKey(randomBytes(32)), localKey(randomBytes(32))]
const keyring = createKeyring(first)
const place = ['organization', 'credential', 'content', '1']
const SECRET = 'canary-of-the-box'

async function fault (work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    t.type(error, SecretBoxError)
    t.notMatch(String((error as Error).stack), /canary/)
    return (error as SecretBoxError).fault
  }
}

t.test('opens what it sealed, and seals nothing alike', async t => {
  const [a, b] = [await seal(keyring, Buffer.from(SECRET), place), await seal(keyring, Buffer.from(SECRET), place)]
  t.equal((await open(keyring, a, place)).toString(), SECRET)
  t.equal((await open(keyring, b, place)).toString(), SECRET)
  for (const part of ['dataKey', 'secret'] as const) t.notOk(a[part].equals(b[part]), `${part} differs each time`)
  t.notOk(Buffer.concat([a.dataKey, a.secret]).includes(SECRET))
  t.equal((await open(keyring, await seal(keyring, Buffer.alloc(0), place), place)).length, 0)
})

t.test('opens in its own place only', async t => {
  const sealed = await seal(keyring, Buffer.from(SECRET), place)
  const others = [['other', 'credential', 'content', '1'], ['organization', 'other', 'content', '1'], ['organization', 'credential', 'other', '1'], ['organization', 'credential', 'content', '2'],
    ['organization', 'credential', 'content1'], ['organization","credential', 'content', '1'], []]
  for (const other of others) t.equal(await fault(async () => await open(keyring, sealed, other)), 'content', other.join('|'))
  const twin = await seal(keyring, Buffer.from('other'), place)
  t.equal(await fault(async () => await open(keyring, { ...sealed, secret: twin.secret }, place)), 'content', 'a secret under another data key')
  t.equal(await fault(async () => await open(keyring, { ...sealed, secret: sealed.dataKey, dataKey: sealed.secret }, place)), 'content', 'parts changed places')
})

t.test('one changed bit anywhere is noticed, and nothing of the secret comes out', async t => {
  const sealed = await seal(keyring, Buffer.from(SECRET), place)
  for (const part of ['dataKey', 'secret'] as const) {
    for (let bit = 0; bit < sealed[part].length * 8; bit++) {
      const changed = Buffer.from(sealed[part])
      changed[bit >> 3]! ^= 1 << (bit & 7)
      const broken: SealedSecret = { ...sealed, [part]: changed }
      if (await fault(async () => await open(keyring, broken, place)) !== 'content') t.fail(`bit ${bit} of ${part}`)
    }
    for (const length of [0, 1, 12, 28, 29, sealed[part].length - 1]) t.equal(await fault(async () => await open(keyring, { ...sealed, [part]: sealed[part].subarray(0, length) }, place)), 'content')
  }
})

t.test('keys have ids of their own: what an older one sealed opens beside a newer one', async t => {
  const sealed = await seal(keyring, Buffer.from(SECRET), place)
  const both = createKeyring(second, first)
  t.equal((await open(both, sealed, place)).toString(), SECRET)
  t.equal(both.all.size, 2)
  t.not((await seal(both, Buffer.from(SECRET), place)).keyId, sealed.keyId)
  t.equal(await fault(async () => await open(createKeyring(second), sealed, place)), 'key')
  t.equal(await fault(async () => await open(createKeyring(second), { ...sealed, keyId: createKeyring(second).current.id }, place)), 'content')
  const key = randomBytes(32)
  t.notOk(key.toString('hex').includes(localKey(key).id), 'an id gives nothing of its key away')
  const moved = await rewrap(both, sealed, place)
  t.equal((await open(createKeyring(second), { ...sealed, ...moved }, place)).toString(), SECRET, 'wrapped anew, the older key is not needed')
  t.equal(await fault(async () => await rewrap(both, sealed, [...place, 'more'])), 'content')
})

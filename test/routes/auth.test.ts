import t from 'tap'
import { totpCode } from '../../src/services/identity/totp.ts'
import { register, testApp } from '../support/app.ts'
import { cpuTime } from '../support/cpu-time.ts'

const { app, database, time, letters } = await testApp(t)
const PASSWORD = 'violet lantern 42 harbour'

const post = async (url: string, payload: object, headers: Record<string, string> = {}) => await app.inject({ method: 'POST', url, payload, headers })
const newcomer = (over: object) => ({ email: 'new@example.org', password: PASSWORD, name: 'New', organizationName: 'New', ...over })
const audited = async (organizationId: string) =>
  (await database.service`select action, actor_type, actor_id, ip, request_id from audit_log where organization_id = ${organizationId} order by id`).map(row => row['action'])

t.test('registering gives an account, an organization of its own, and a session', async t => {
  const response = await post('/v1/auth/register', { email: 'Ada@Example.org', password: PASSWORD, name: 'Ada', organizationName: 'Ünïted & Söns' })
  t.equal(response.statusCode, 201)
  t.match(response.json(), { expiresIn: 900, accessToken: /\./, refreshToken: /^wcr_/, user: { email: 'Ada@Example.org', name: 'Ada', organizations: [{ name: 'Ünïted & Söns', slug: 'united-sons', role: 'owner' }] } })
  t.notMatch(response.body, /argon2|password/i)
  const { user } = response.json<{ user: { organizations: [{ id: string }] } }>()
  t.same(await audited(user.organizations[0].id), ['organization.created'])
  t.equal((await post('/v1/auth/register', newcomer({ email: 'ada@example.ORG' }))).statusCode, 409, 'whatever the case of the address')
})

t.test('two at once with one address: one account', async t => {
  const all = await Promise.all([1, 2, 3].map(async () => await post('/v1/auth/register', newcomer({ email: 'race@example.org', organizationName: 'Race' }))))
  t.same(all.map(({ statusCode }) => statusCode).sort(), [201, 409, 409])
})

t.test('organizations of one name get slugs of their own', async t => {
  const [one, two] = [await register(app, { organizationName: 'Same Name' }), await register(app, { organizationName: 'Same Name' })]
  const slugs = await database.service`select slug from organizations where id in (${one.organizationId}, ${two.organizationId}) order by id`
  t.match(slugs.map(row => row['slug']), ['same-name', /^same-name-[0-9a-f]{6}$/])
})

t.test('what registering refuses', async t => {
  for (const [over, pointer] of [
    [{ password: '12345678' }, '/password'], [{ password: 'password1234' }, '/password'], [{ password: 'aaaaaaaaaaaaaaaa' }, '/password'],
    [{ password: 'new@example.org' }, '/password'], [{ password: '😀'.repeat(11) }, '/password'], [{ password: 'x'.repeat(257) }, '/password'],
    [{ email: 'no address' }, '/email'], [{ email: 'a@b' }, '/email'], [{ email: `${'a'.repeat(250)}@example.org` }, '/email'], [{ name: '  ' }, '/name'],
    [{ organizationName: '' }, '/organizationName'], [{ role: 'owner' }, '/role'], [{ name: 'a\u0000b' }, '/name']
  ] as const) {
    const response = await post('/v1/auth/register', newcomer(over))
    t.equal(response.statusCode, 422, JSON.stringify(over).slice(0, 60))
    t.match(response.json(), { errors: [{ pointer }] })
  }
  t.same((await post('/v1/auth/register', {})).json<{ errors: Array<{ pointer: string }> }>().errors.map(error => error.pointer).sort(), ['/email', '/name', '/organizationName', '/password'])
})

t.test('logging in', async t => {
  const ann = await register(app)
  t.equal((await post('/v1/auth/login', { email: ann.email.toUpperCase(), password: PASSWORD })).statusCode, 200)
  const wrong = await post('/v1/auth/login', { email: ann.email, password: 'not the password' })
  const unknown = await post('/v1/auth/login', { email: 'nobody@example.org', password: 'not the password' })
  t.equal(wrong.statusCode, 401)
  t.same({ ...wrong.json<object>(), instance: '' }, { ...unknown.json<object>(), instance: '' }, 'does not tell which accounts exist')
  t.ok([413, 422].includes((await post('/v1/auth/login', { email: 'a@b.c', password: 'a'.repeat(1_048_576) })).statusCode))
})

t.test('an unknown account takes as long as a known one', async t => {
  const ann = await register(app)
  const median = async (email: string): Promise<number> => {
    const times: number[] = []
    for (let run = 0; run < 7; run++) {
      const from = cpuTime()
      await post('/v1/auth/login', { email, password: 'not the password' })
      times.push(cpuTime() - from)
    }
    return times.sort((a, b) => a - b)[3]!
  }
  const [known, unknown] = [await median(ann.email), await median('stranger@example.org')]
  t.ok(unknown > known * 0.5, `${unknown} ms and ${known} ms`)
})

t.test('guessing at one account is stopped', async t => {
  const ann = await register(app)
  const codes: number[] = []
  for (let guess = 0; guess < 22; guess++) codes.push((await post('/v1/auth/login', { email: ann.email, password: `guess number ${guess}` })).statusCode)
  t.same([...new Set(codes)], [401, 429])
  const refused = await post('/v1/auth/login', { email: ann.email, password: PASSWORD })
  t.equal(refused.statusCode, 429)
  t.match(refused.headers['retry-after'], /^[0-9]+$/)
})

t.test('a refresh token works once', async t => {
  const ann = await register(app)
  const refresh = async (refreshToken: string) => await post('/v1/auth/refresh', { refreshToken })
  const second = (await refresh(ann.refreshToken)).json<{ refreshToken: string, accessToken: string }>()
  t.equal((await app.inject({ url: '/v1/auth/me', headers: { authorization: `Bearer ${second.accessToken}` } })).statusCode, 200)
  t.equal((await refresh(ann.refreshToken)).statusCode, 401, 'at once, as by another tab')
  t.equal((await app.inject({ url: '/v1/auth/me', headers: { authorization: `Bearer ${second.accessToken}` } })).statusCode, 200)
  time.now += 3000
  t.equal((await refresh(ann.refreshToken)).statusCode, 401, 'a thief, or the owner after a thief')
  t.equal((await refresh(second.refreshToken)).statusCode, 401, 'ends the session for both')
  t.equal((await app.inject({ url: '/v1/auth/me', headers: { authorization: `Bearer ${second.accessToken}` } })).statusCode, 401)
  t.ok((await audited(ann.organizationId)).includes('session.reuseDetected'))
})

t.test('two refreshes at once: one wins and the session lives', async t => {
  const ann = await register(app)
  const answers = await Promise.all([1, 2].map(async () => await post('/v1/auth/refresh', { refreshToken: ann.refreshToken })))
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [200, 401])
  const winner = answers.find(({ statusCode }) => statusCode === 200)!.json<{ refreshToken: string }>()
  t.equal((await post('/v1/auth/refresh', winner)).statusCode, 422, 'the body holds the token alone')
  t.equal((await post('/v1/auth/refresh', { refreshToken: winner.refreshToken })).statusCode, 200)
})

t.test('refresh tokens that are none', async t => {
  const ann = await register(app)
  for (const refreshToken of ['x', ann.accessToken.slice(0, 200), ann.refreshToken.replace(/_1_/, '_2_'), ann.refreshToken.slice(0, -1) + '!', `wcr_${'0'.repeat(32)}_1_${'A'.repeat(43)}`, ann.refreshToken.replace(/_1_/, '_999999999999_')]) {
    t.equal((await post('/v1/auth/refresh', { refreshToken })).statusCode, 401, refreshToken.slice(0, 20))
  }
  time.now += 31 * 86_400_000
  t.equal((await post('/v1/auth/refresh', { refreshToken: ann.refreshToken })).statusCode, 401, 'too old')
})

t.test('your account', async t => {
  const ann = await register(app)
  const me = (payload: object) => app.inject({ method: 'PATCH', url: '/v1/auth/me', headers: ann.headers, payload })
  t.match((await me({ name: 'Ann' })).json(), { name: 'Ann', email: ann.email })
  t.equal((await me({ ssoBypass: true, role: 'owner' })).statusCode, 422)
  t.ok((await audited(ann.organizationId)).includes('user.updated'))
})

t.test('changing the password ends the other sessions', async t => {
  const ann = await register(app)
  const other = (await post('/v1/auth/login', { email: ann.email, password: PASSWORD })).json<{ accessToken: string }>()
  const change = async (currentPassword: string, newPassword: string) => (await post('/v1/auth/me/password', { currentPassword, newPassword }, ann.headers)).statusCode
  t.equal(await change('not the password', 'a wholly new passphrase'), 422)
  t.equal(await change(PASSWORD, 'short'), 422)
  t.equal(await change(PASSWORD, 'a wholly new passphrase'), 204)
  t.equal((await app.inject({ url: '/v1/auth/me', headers: { authorization: `Bearer ${other.accessToken}` } })).statusCode, 401)
  t.equal((await app.inject({ url: '/v1/auth/me', headers: ann.headers })).statusCode, 200)
  t.equal((await post('/v1/auth/login', { email: ann.email, password: PASSWORD })).statusCode, 401)
  t.equal((await post('/v1/auth/login', { email: ann.email, password: 'a wholly new passphrase' })).statusCode, 200)
})

t.test('sessions', async t => {
  const ann = await register(app)
  const ben = await register(app)
  await post('/v1/auth/login', { email: ann.email, password: PASSWORD })
  await post('/v1/auth/login', { email: ann.email, password: PASSWORD })
  const list = async (query = '') => (await app.inject({ url: `/v1/auth/sessions${query}`, headers: ann.headers })).json<{ data: Array<{ id: string, current: boolean }>, nextCursor: string | null }>()
  const { data } = await list()
  t.same(data.map(({ current }) => current), [false, false, true], 'newest first')
  t.equal((await app.inject({ method: 'DELETE', url: `/v1/auth/sessions/${data[0]!.id}`, headers: ben.headers })).statusCode, 404, 'another person\'s')
  t.equal((await app.inject({ method: 'DELETE', url: `/v1/auth/sessions/${data[0]!.id}`, headers: ann.headers })).statusCode, 204)
  t.equal((await list()).data.length, 2)
  t.equal((await app.inject({ method: 'DELETE', url: '/v1/auth/sessions', headers: ann.headers })).statusCode, 204)
  t.same((await list()).data.map(({ current }) => current), [true])
  t.equal((await post('/v1/auth/logout', {}, ann.headers)).statusCode, 204)
  t.equal((await app.inject({ url: '/v1/auth/me', headers: ann.headers })).statusCode, 401)
})

t.test('a forgotten password is reset by a token of the mail, once', async t => {
  const person = await register(app)
  const ask = async (email: string) => await app.inject({ method: 'POST', url: '/v1/auth/password-reset', payload: { email } })
  const confirm = async (token: string, password = 'another passphrase 77') => await app.inject({ method: 'POST', url: '/v1/auth/password-reset/confirm', payload: { token, password } })
  const lettersTo = (email: string) => letters.filter(({ to }) => to === email).map(({ text }) => /"token": "([A-Za-z0-9_-]{43})"/.exec(text)![1]!)

  const [known, unknown] = [await ask(person.email.toUpperCase()), await ask('nobody@example.org')]
  t.equal(known.statusCode, 202)
  t.same([unknown.statusCode, unknown.body], [known.statusCode, known.body], 'the same answer for both')
  t.same(lettersTo('nobody@example.org'), [])
  const [token] = lettersTo(person.email)
  t.notMatch(JSON.stringify(await database.service`select * from password_resets`), token, 'only a hash is kept')

  t.equal((await confirm('A'.repeat(43))).statusCode, 422)
  t.equal((await confirm(token!, 'short')).statusCode, 422, 'a weak password does not use the token up')
  t.equal((await confirm(token!)).statusCode, 204)
  t.equal((await confirm(token!)).statusCode, 422, 'used')
  t.equal((await app.inject({ url: '/v1/auth/me', headers: person.headers })).statusCode, 401, 'sessions of before are over')
  const login = async (password: string) => (await app.inject({ method: 'POST', url: '/v1/auth/login', payload: { email: person.email, password } })).statusCode
  t.same([await login(person.password), await login('another passphrase 77')], [401, 200])

  await ask(person.email)
  const late = lettersTo(person.email).at(-1)!
  time.now += 3_600_000
  t.equal((await confirm(late)).statusCode, 422, 'past')
  const before = lettersTo(person.email).length
  for (let mail = 0; mail < 8; mail++) t.equal((await ask(person.email)).statusCode, 202)
  t.equal(lettersTo(person.email).length - before, 5, 'nobody is flooded')
})

t.test('a second factor: codes work once, recovery codes too, and guesses come to an end', async t => {
  const person = await register(app)
  const { headers, email, password } = person
  const url = '/v1/auth/me/two-factor'
  const login = async (code?: string) => await post('/v1/auth/login', { email, password, ...(code === undefined ? {} : { code }) })
  const state = async () => (await app.inject({ url, headers })).json<object>()
  const present = (secret: Buffer, ahead = 0) => totpCode(secret, Math.floor(time.now / 30_000) + ahead)

  t.equal((await post(url, { password: 'not the password 1' }, headers)).statusCode, 422)
  const begun = (await post(url, { password }, headers)).json<{ secret: string, otpauthUrl: string }>()
  t.match(begun.otpauthUrl, /^otpauth:\/\/totp\/WeConnect%3A/)
  const secret = Buffer.from([...begun.secret].map(letter => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('').match(/.{8}/g)!.map(bits => Number.parseInt(bits, 2)))
  t.same(await state(), { enabled: false, recoveryCodes: 0 })
  t.equal((await login()).statusCode, 200, 'not in force until a code was seen')
  t.equal((await post(`${url}/confirm`, { code: '000000' }, headers)).statusCode, 422)
  const { recoveryCodes } = (await post(`${url}/confirm`, { code: present(secret) }, headers)).json<{ recoveryCodes: string[] }>()
  t.equal(new Set(recoveryCodes).size, 10)
  t.same(await state(), { enabled: true, recoveryCodes: 10 })
  const stored = JSON.stringify(await database.service`select * from two_factor, recovery_codes`)
  t.notMatch(stored, secret.toString('hex'))
  t.notMatch(stored, begun.secret)

  t.match((await login()).json(), { status: 401, code: 'WC_TWO_FACTOR_REQUIRED' })
  t.equal((await login(present(secret))).statusCode, 401, 'the code that confirmed it is used up')
  time.now += 60_000
  const code = present(secret)
  t.same((await Promise.all([login(code), login(code)])).map(({ statusCode }) => statusCode).sort(), [200, 401], 'once')
  t.equal((await login(recoveryCodes[0]!.toLowerCase().replaceAll('-', ''))).statusCode, 200)
  t.equal((await login(recoveryCodes[0])).statusCode, 401)
  t.same(await state(), { enabled: true, recoveryCodes: 9 })
  t.equal((await post('/v1/auth/login', { email, password: 'not the password 1', code: recoveryCodes[1] })).statusCode, 401)
  t.same(await state(), { enabled: true, recoveryCodes: 9 }, 'a code without the password is not used up')

  time.now += 60_000
  for (let guess = 0; guess < 3; guess++) t.equal((await login('000000')).statusCode, 401)
  t.match((await login(present(secret))).json(), { accessToken: String }, 'four in a row, and then the right one')
  for (let guess = 0; guess < 5; guess++) t.equal((await login('000000')).statusCode, 401)
  time.now += 60_000
  t.equal((await login(present(secret))).statusCode, 429, 'five in a row: none is looked at')
  t.equal((await login(recoveryCodes[2])).statusCode, 429)
  time.now += 15 * 60_000

  const { accessToken } = (await login(present(secret))).json<{ accessToken: string }>()
  const again = { authorization: `Bearer ${accessToken}` }
  t.equal((await post(url, { password }, again)).statusCode, 409, 'one is in force')
  t.equal((await post(`${url}/disable`, { password, code: '000000' }, again)).statusCode, 422)
  t.equal((await post(`${url}/disable`, { password, code: recoveryCodes[3] }, again)).statusCode, 204)
  t.equal((await login()).statusCode, 200)
  t.same((await audited(person.organizationId)).filter(action => /twoFactor|recovery/.test(String(action))), ['user.twoFactorEnabled', 'user.recoveryCodeUsed', 'user.recoveryCodeUsed', 'user.twoFactorDisabled'])
})

import t from 'tap'
import { base32, createTotpSecret, otpauthUrl, totpCode, totpStep } from '../../../src/services/identity/totp.ts'

// RFC 6238, appendix B (SHA-1), the last six of its eight digits.
const SECRET = Buffer.from('12345678901234567890')
const VECTORS: ReadonlyArray<readonly [number, string]> = [[59, '287082'], [1111111109, '081804'], [1111111111, '050471'], [1234567890, '005924'], [2000000000, '279037'], [20000000000, '353130']]

t.test('the codes of RFC 6238', async t => {
  for (const [seconds, code] of VECTORS) {
    t.equal(totpCode(SECRET, Math.floor(seconds / 30)), code, String(seconds))
    t.equal(totpStep(SECRET, code, seconds * 1000, 0), Math.floor(seconds / 30))
  }
})

t.test('a code is good for its period and those beside it, once', async t => {
  const now = 1_234_567_890_000
  const step = Math.floor(now / 30_000)
  for (const [offset, good] of [[-2, false], [-1, true], [0, true], [1, true], [2, false]] as const) {
    t.equal(totpStep(SECRET, totpCode(SECRET, step + offset), now, 0), good ? step + offset : null, String(offset))
  }
  t.equal(totpStep(SECRET, totpCode(SECRET, step), now, step), null, 'not after it was taken')
  for (const text of ['', '00592', '0059240', '005924 ', 'abcdef', 'ABCD-EFGH-IJKL-MNOP']) t.equal(totpStep(SECRET, text, now, 0), null, JSON.stringify(text))
})

t.test('what an authenticator reads', async t => {
  // RFC 4648, section 10, without padding.
  for (const [text, encoded] of [['', ''], ['f', 'MY'], ['fo', 'MZXQ'], ['foo', 'MZXW6'], ['foob', 'MZXW6YQ'], ['fooba', 'MZXW6YTB'], ['foobar', 'MZXW6YTBOI']] as const) t.equal(base32(Buffer.from(text)), encoded)
  t.equal(createTotpSecret().length, 20)
  t.match(otpauthUrl(SECRET, 'ada+x@example.org'), 'otpauth://totp/WeConnect%3Aada%2Bx%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=WeConnect&algorithm=SHA1&digits=6&period=30')
})

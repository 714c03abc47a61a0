import t from 'tap'
import { createAddressGuard, parseCidrs } from '../../src/lib/guarded-fetch/addresses.ts'

const CLOSED = [
  '0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.100.100.200', '100.127.255.255', '127.0.0.1', '127.255.255.254',
  '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.192', '192.0.2.1', '192.88.99.1', '192.168.1.1', '198.18.0.1', '198.19.255.255',
  '198.51.100.7', '203.0.113.9', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '168.63.129.16',
  '::', '::1', '::127.0.0.1', '::8.8.8.8', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:a9fe:a9fe', '::ffff:0:127.0.0.1', '64:ff9b::127.0.0.1', '64:ff9b::a00:1',
  '64:ff9b:1::8.8.8.8', '100::1', '2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2', '2001:db8::1', '2002:7f00:1::1', '2002:808:808::1',
  '3fff::1', '5f00::1', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%lo', '2606:4700::1%eth0', 'fec0::1', 'ff02::1'
]
const OPEN = [
  '1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.1', '172.15.255.255', '172.32.0.0',
  '192.167.255.255', '198.17.255.255', '198.20.0.0', '223.255.255.255', '2001:200::1', '2606:4700:4700::1111', '2a00:1450:4001::1',
  '::ffff:8.8.8.8', '64:ff9b::8.8.8.8'
]

t.test('only the public internet is open', async t => {
  const isOpen = createAddressGuard([])
  for (const address of CLOSED) t.equal(isOpen(address), false, address)
  for (const address of OPEN) t.equal(isOpen(address), true, address)
})

t.test('what is not an address is closed', async t => {
  const isOpen = createAddressGuard(['0.0.0.0/0', '::/0'])
  for (const text of ['', 'localhost', '127.1', '0177.0.0.1', '1.1.1.1 ', '[::1]', '::1%lo']) t.equal(isOpen(text), false, text)
})

t.test('allowed ranges come first, and open nothing beside themselves', async t => {
  const isOpen = createAddressGuard(parseCidrs('127.0.0.0/8, fd00::/8 10.1.2.3'))
  for (const address of ['127.0.0.1', '127.9.9.9', 'fd12::1', '10.1.2.3', '::ffff:127.0.0.1', '8.8.8.8']) t.equal(isOpen(address), true, address)
  for (const address of ['10.1.2.4', '::1', 'fc00::1', '169.254.169.254', '::ffff:10.0.0.1']) t.equal(isOpen(address), false, address)
})

t.test('a range of one family does not open the other', async t => {
  t.equal(createAddressGuard(['::/0'])('127.0.0.1'), false)
  t.equal(createAddressGuard(['0.0.0.0/0'])('::1'), false)
})

t.test('a list of CIDRs is parsed, and a bad entry named', async t => {
  t.same(parseCidrs(' 127.0.0.0/8,::1/128,\n10.0.0.1 '), ['127.0.0.0/8', '::1/128', '10.0.0.1'])
  t.same(parseCidrs(''), [])
  for (const entry of ['localhost', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8/8', '10.0.0/8', 'fe80::1%lo/64', '10.0.0.0/0x8']) {
    t.throws(() => parseCidrs(`127.0.0.0/8,${entry}`), { message: `${JSON.stringify(entry)} is not a CIDR such as 10.0.0.0/8 or fd00::/8` }, entry)
  }
})

import { BlockList, isIP, isIPv4 } from 'node:net'

/**
 * IPv4 that is not the public internet: IANA's special-purpose registry (RFC 6890 and successors),
 * multicast, and 168.63.129.16, the metadata address that Azure keeps outside the private ranges.
 */
const CLOSED_V4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12',
  '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24',
  '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4', '168.63.129.16/32'
]

/** All of IPv6 that is in use publicly; loopback, ULA, link-local, multicast, compatible and translated forms lie outside. */
const GLOBAL_V6 = ['2000::/3']

/**
 * Inside it: protocol assignments with Teredo (2001::/32) and ORCHID, documentation, and 6to4, which wraps
 * an IPv4 address that the far relay unwraps.
 */
const CLOSED_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

const NAT64_PREFIX = [0x64, 0xff9b, 0, 0, 0, 0]
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0xffff]
/** Of the prefix ::ffff:0:0/96 */
const MAPPED_BITS = 96

type Family = 'ipv4' | 'ipv6'
type Subnets = Readonly<Record<Family, BlockList>>

/** Throws an error that names the entry which is not a CIDR (or a bare address). */
export function parseCidrs (text: string): readonly string[] {
  const entries = text.split(/[\s,]+/).filter(entry => entry !== '')
  subnets(entries)
  return entries
}

/** Says of an address whether it may be connected to. What `allow` names is open whatever else it is. */
export function createAddressGuard (allow: readonly string[]): (address: string) => boolean {
  const open = subnets(allow)
  const closed = subnets([...CLOSED_V4, ...CLOSED_V6])
  const globalV6 = subnets(GLOBAL_V6).ipv6

  function openV4 (address: string): boolean {
    return open.ipv4.check(address, 'ipv4') || !closed.ipv4.check(address, 'ipv4')
  }

  return function isOpen (address) {
    // A zone index (fe80::1%eth0) names an interface of this machine: nothing public has one.
    if (isIP(address) === 0 || address.includes('%')) return false
    if (isIPv4(address)) return openV4(address)
    if (open.ipv6.check(address, 'ipv6')) return true
    const inner = embeddedV4(address)
    if (inner !== null) return openV4(inner)
    return globalV6.check(address, 'ipv6') && !closed.ipv6.check(address, 'ipv6')
  }
}

/** Says of an address whether it is in one of the networks; an IPv4 address also where a socket speaks of it in IPv6. Throws like parseCidrs. */
export function createAddressList (cidrs: readonly string[]): (address: string) => boolean {
  const { ipv4, ipv6 } = subnets(cidrs)
  return function isListed (address) {
    if (isIP(address) === 0 || address.includes('%')) return false
    if (isIPv4(address)) return ipv4.check(address, 'ipv4')
    const inner = embeddedV4(address)
    return ipv6.check(address, 'ipv6') || (inner !== null && ipv4.check(inner, 'ipv4'))
  }
}

/**
 * Two lists, one a family: a BlockList that holds both finds IPv4 addresses in IPv6 subnets
 * (it takes them for mapped ones), so that `::/0` would name the whole of IPv4.
 */
function subnets (cidrs: readonly string[]): Subnets {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const cidr of cidrs) {
    const [address = '', prefix, ...rest] = cidr.split('/')
    const version = isIP(address)
    const bits = version === 4 ? 32 : 128
    const length = prefix === undefined ? bits : Number(prefix)
    const valid = version !== 0 && !address.includes('%') && rest.length === 0 && length <= bits &&
      (prefix === undefined || /^[0-9]{1,3}$/.test(prefix))
    if (!valid) throw new Error(`${JSON.stringify(cidr)} is not a CIDR such as 10.0.0.0/8 or fd00::/8`)
    // What is written in the IPv6 form of IPv4 means IPv4, as addresses do that a socket speaks of so.
    const inner = version === 6 && length >= MAPPED_BITS && isMapped(address) ? embeddedV4(address) : null
    if (inner !== null) lists.ipv4.addSubnet(inner, length - MAPPED_BITS, 'ipv4')
    else if (version === 4) lists.ipv4.addSubnet(address, length, 'ipv4')
    else lists.ipv6.addSubnet(address, length, 'ipv6')
  }
  return lists
}

/** The IPv4 address that a mapped (::ffff:0:0/96) or NAT64 (64:ff9b::/96) address leads to, or null. */
function embeddedV4 (address: string): string | null {
  const groups = expand(address)
  const leads = [NAT64_PREFIX, MAPPED_PREFIX].some(prefix => prefix.every((group, index) => groups[index] === group))
  if (!leads) return null
  return groups.slice(6).flatMap(group => [group >> 8, group & 0xff]).join('.')
}

function isMapped (address: string): boolean {
  const groups = expand(address)
  return MAPPED_PREFIX.every((group, index) => groups[index] === group)
}

/** Eight numbers. The URL parser writes any form of an IPv6 address, dotted ends too, in the one of RFC 5952. */
function expand (address: string): readonly number[] {
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [head = '', tail] = canonical.split('::')
  const front = toGroups(head)
  const back = toGroups(tail ?? '')
  return [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back]
}

function toGroups (text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map(group => Number.parseInt(group, 16))
}

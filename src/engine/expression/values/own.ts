import { allocateElements, fail, isOwned } from '../run.ts'
import { MAX_ELEMENTS } from '../limits.ts'
import { isPlainObject, kindName } from './kind.ts'
import { toKey } from './coerce.ts'

const objectPrototype = Object.prototype

/** Sets an own property whatever its name: `__proto__` becomes data, not a prototype. */
export function setOwn (target: object, key: string | number, value: unknown): void {
  if (key in objectPrototype) {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  } else {
    (target as Record<string | number, unknown>)[key] = value
  }
}

export function isOwnKey (target: object, key: string | number): boolean {
  return Object.hasOwn(target, key)
}

/** Own enumerable properties of plain data; nothing of any other value. */
export function copyOwn (target: object, source: unknown): void {
  if (Array.isArray(source)) {
    allocateElements(source.length)
    source.forEach((element, index) => setOwn(target, index, element))
  } else if (isPlainObject(source)) {
    const keys = Object.keys(source)
    allocateElements(keys.length)
    for (const key of keys) setOwn(target, key, source[key])
  }
}

/** `target[key] = value`, for what this evaluation made itself. */
export function assignMember (target: unknown, rawKey: unknown, value: unknown, position: number): void {
  const key = toKey(rawKey)
  if (typeof target !== 'object' || target === null || !isOwned(target)) {
    fail('WC_EXPRESSION_READ_ONLY', `Cannot change ${kindName(target)}: only what the expression made itself can be changed`, position)
  }
  if (Array.isArray(target)) {
    if (typeof key !== 'number' || key > target.length || key >= MAX_ELEMENTS) {
      fail('WC_EXPRESSION_TYPE', `Cannot set ${JSON.stringify(key)} of an array of ${target.length}`, position)
    }
    allocateElements(1)
    target[key] = value
  } else if (isPlainObject(target)) {
    allocateElements(1)
    setOwn(target, key, value)
  } else {
    fail('WC_EXPRESSION_TYPE', `Cannot set a property of ${kindName(target)}`, position)
  }
}

import type { AnyNode, Document, Element } from 'domhandler'
import { NodeError } from '../../node-error.ts'
import { attributeOf, isElement, visibleText } from './html-document.ts'
import { cssSelect } from './markup-libraries.ts'

const MAX_SELECTOR = 1000
/** Looks at nodes: some tenths of a second. `li:nth-child(2)` looks at every pair of siblings. */
const MAX_STEPS = 20_000_000

/** The elements that fit a CSS selector, in the order of the document. Throws NodeError (WC_HTML_SELECTOR, WC_HTML_LIMIT). */
export function selectElements (document: Document, selector: unknown, pointer: string, onlyFirst: boolean): readonly Element[] {
  if (typeof selector !== 'string' || selector.length > MAX_SELECTOR) throw new NodeError('WC_HTML_SELECTOR', `A selector is text of at most ${MAX_SELECTOR} characters`, { pointer })
  const { selectAll, selectOne } = cssSelect()
  const options = { adapter: countingAdapter(pointer) }
  try {
    if (!onlyFirst) return selectAll<AnyNode, Element>(selector, document, options)
    const first = selectOne<AnyNode, Element>(selector, document, options)
    return first === null ? [] : [first]
  } catch (error) {
    if (error instanceof NodeError) throw error
    throw new NodeError('WC_HTML_SELECTOR', `${JSON.stringify(selector.slice(0, 100))} is not a selector: ${(error as Error).message.slice(0, 200)}`, { pointer })
  }
}

/** Why this is not a selector, or null. */
export function selectorProblem (selector: string): string | null {
  try {
    cssSelect().compile(selector)
    return null
  } catch (error) {
    return (error as Error).message.slice(0, 200)
  }
}

/** How a selector reaches the tree: each look costs, so that no selector on no document holds the process up. */
function countingAdapter (pointer: string) {
  let steps = MAX_STEPS
  function spend (count: number): void {
    if ((steps -= count) < 0) throw new NodeError('WC_HTML_LIMIT', 'The selector takes too long on this HTML', { pointer })
  }
  return {
    isTag (node: AnyNode): node is Element {
      spend(1)
      return isElement(node)
    },
    getAttributeValue (element: Element, name: string) {
      spend(1)
      return attributeOf(element, name)
    },
    hasAttrib: (element: Element, name: string) => attributeOf(element, name) !== undefined,
    getName: (element: Element) => element.name,
    getParent (element: Element) {
      spend(1)
      return element.parent
    },
    getChildren (node: AnyNode) {
      spend(1)
      return 'children' in node ? node.children : []
    },
    getSiblings (node: AnyNode): AnyNode[] {
      spend(1)
      return node.parent?.children ?? [node]
    },
    prevElementSibling (node: AnyNode): Element | null {
      let previous = node.prev
      while (previous !== null && !isElement(previous)) {
        spend(1)
        previous = previous.prev
      }
      spend(1)
      return previous
    },
    getText (node: AnyNode) {
      const text = isElement(node) ? visibleText(node, true) : ''
      spend(10 + text.length)
      return text
    },
    removeSubsets: (nodes: AnyNode[]) => nodes,
    equals (a: AnyNode, b: AnyNode) {
      spend(1)
      return a === b
    }
  }
}

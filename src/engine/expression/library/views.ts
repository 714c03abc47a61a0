import type { ExpressionItem, ItemsView, NodeItemsView } from '../scope.ts'
import { allocateElements, fail, own, run } from '../run.ts'
import { toInteger } from '../values/coerce.ts'
import { GuestValue, KIND } from '../values/kind.ts'
import type { Accessors, Methods } from './table.ts'

/** `$input` */
export class InputValue extends GuestValue {
  readonly kind = KIND.input
  readonly view: ItemsView

  constructor (view: ItemsView) {
    super()
    this.view = view
  }
}

/** `$('x')`; whether the node has run is asked when something of it is read. */
export class NodeValue extends GuestValue {
  readonly kind = KIND.node
  readonly id: string
  /** Which input item's ancestor `.item` and `.json` mean; null for the current one. */
  readonly itemIndex: number | null

  constructor (id: string, itemIndex: number | null) {
    super()
    this.id = id
    this.itemIndex = itemIndex
  }

  view (): NodeItemsView {
    return run.scope.node(this.id) ??
      fail('WC_EXPRESSION_NODE', `There is no data of node ${JSON.stringify(this.id.slice(0, 64))}: it has not run, or does not exist`)
  }

  paired (): ExpressionItem | undefined {
    const view = this.view()
    return this.itemIndex === null ? view.item : view.itemMatching(this.itemIndex)
  }
}

/** `$node`, of which `$node["x"]` is read. */
export class NodeLookup extends GuestValue {
  readonly kind = KIND.nodeLookup
  readonly itemIndex: number | null

  constructor (itemIndex: number | null) {
    super()
    this.itemIndex = itemIndex
  }
}

/** `$item(3)` */
export class ItemAt extends GuestValue {
  readonly kind = KIND.itemAt
  readonly index: number

  constructor (index: number) {
    super()
    this.index = index
  }

  item (): ExpressionItem | undefined {
    return run.scope.input().all()[this.index]
  }
}

export const CURRENT_NODES = new NodeLookup(null)

/** An item as data: the host's own has more in it than expressions may see. */
export function itemData (item: ExpressionItem | undefined): unknown {
  if (item === undefined) return undefined
  return item.binary === undefined ? { json: item.json } : { json: item.json, binary: item.binary }
}

export function itemsData (items: readonly ExpressionItem[]): unknown[] {
  allocateElements(items.length * 3)
  return own(items.map(itemData))
}

export const inputMethods: Methods<InputValue> = {
  all: (self) => itemsData(self.view.all()),
  first: (self) => itemData(self.view.first()),
  last: (self) => itemData(self.view.last()),
  isEmpty: (self) => self.view.first() === undefined,
  isNotEmpty: (self) => self.view.first() !== undefined
}

export const inputAccessors: Accessors<InputValue> = {
  item: (self) => itemData(self.view.item),
  length: (self) => self.view.all().length
}

export const nodeMethods: Methods<NodeValue> = {
  all: (self) => itemsData(self.view().all()),
  first: (self) => itemData(self.view().first()),
  last: (self) => itemData(self.view().last()),
  item: (self) => itemData(self.paired()),
  itemMatching: (self, args) => itemData(self.view().itemMatching(toInteger(args[0]))),
  pairedItem: (self, args) => itemData(args[0] === undefined ? self.paired() : self.view().itemMatching(toInteger(args[0])))
}

function pairedOrFirst (self: NodeValue): ExpressionItem | undefined {
  return self.paired() ?? self.view().first()
}

export const nodeAccessors: Accessors<NodeValue> = {
  item: (self) => itemData(self.paired()),
  pairedItem: (self) => itemData(self.paired()),
  json: (self) => pairedOrFirst(self)?.json,
  binary: (self) => pairedOrFirst(self)?.binary,
  params: (self) => self.view().params,
  parameter: (self) => self.view().params,
  name: (self) => self.id,
  isExecuted: (self) => run.scope.node(self.id)?.isExecuted ?? false
}

export const itemAtAccessors: Accessors<ItemAt> = {
  json: (self) => self.item()?.json,
  $json: (self) => self.item()?.json,
  binary: (self) => self.item()?.binary,
  $binary: (self) => self.item()?.binary,
  $node: (self) => new NodeLookup(self.index),
  $itemIndex: (self) => self.index
}

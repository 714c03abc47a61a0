export class NodeError extends Error {
  constructor (code, message, detail = {}) {
    super(message)
    this.name = 'NodeError'
    this.code = code
    this.detail = detail
  }
}

export function defineNode (definition) {
  return definition
}

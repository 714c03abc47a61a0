// An ESLint rule: how many lines a function has without those of the functions within it. A factory or a Fastify plugin holds
// functions as a class holds methods; counting its methods into it would punish many short ones and spare one long one.
const FUNCTIONS = 'FunctionDeclaration, FunctionExpression, ArrowFunctionExpression'

function linesOf (node) {
  return node.loc.end.line - node.loc.start.line + 1
}

export const ownLines = {
  meta: {
    type: 'suggestion',
    schema: [{ type: 'integer', minimum: 1 }],
    messages: { long: 'This function has {{ lines }} lines of its own; {{ limit }} are allowed' }
  },
  create (context) {
    const [limit] = context.options
    const enclosing = []
    return {
      [`:matches(${FUNCTIONS})`] () { enclosing.push(0) },
      [`:matches(${FUNCTIONS}):exit`] (node) {
        const inner = enclosing.pop()
        const total = linesOf(node)
        // One line of a function within remains: the one that begins it.
        if (enclosing.length > 0) enclosing[enclosing.length - 1] += total - 1
        const lines = total - inner
        if (lines > limit) context.report({ node, messageId: 'long', data: { lines, limit } })
      }
    }
  }
}

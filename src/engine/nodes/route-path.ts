const MAX_LENGTH = 512
const LITERAL = /^[A-Za-z0-9._~-]+$/
const PARAMETER = /^:[A-Za-z_][A-Za-z0-9_]{0,63}$/
/** Names that an object of parameters could not hold as plain values. */
const RESERVED: ReadonlySet<string> = new Set([':__proto__', ':constructor', ':prototype'])

/** What is wrong with a webhook's path, in words for its author, or null. */
export function routePathProblem (path: string): string | null {
  if (path === '') return 'the path is empty'
  if (path.length > MAX_LENGTH) return `the path is longer than ${MAX_LENGTH} characters`
  if (path.startsWith('/') || path.endsWith('/')) return 'the path neither begins nor ends with a slash'
  const segments = path.split('/')
  for (const segment of segments) {
    const problem = segmentProblem(segment)
    if (problem !== null) return problem
  }
  const names = segments.filter(segment => segment.startsWith(':'))
  const repeated = names.find((name, index) => names.indexOf(name) !== index)
  return repeated === undefined ? null : `the parameter ${repeated} stands there twice`
}

function segmentProblem (segment: string): string | null {
  if (segment === '') return 'the path has an empty segment'
  if (segment === '.' || segment === '..') return `the segment ${segment} would be resolved away by clients`
  if (!segment.startsWith(':')) {
    return LITERAL.test(segment) ? null : `the segment ${JSON.stringify(segment)} may hold letters, digits and . _ ~ - only`
  }
  if (RESERVED.has(segment)) return `the parameter name ${segment} is reserved`
  return PARAMETER.test(segment) ? null : `${JSON.stringify(segment)} is not a parameter such as :id`
}

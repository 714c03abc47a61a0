import { defineProblem } from '../../lib/problem.ts'

/** What only single sign-on tells its clients. */
export const SignInUnknown = defineProblem('WC_SSO_STATE', 400, 'This sign-in is not known',
  () => 'It was never begun, was finished, is older than 10 minutes, or was begun in another browser. Begin again.')
export const SignInDenied = defineProblem('WC_SSO_DENIED', 400, 'The identity provider let nobody in', (why: string) => `${why}. Begin again.`)
export const SignInRefused = defineProblem('WC_SSO_REFUSED', 400, 'The identity provider\'s answer does not hold', (why: string) => `${why}. Begin again; if it stays so, an administrator must look at the provider's settings.`)
export const ProviderAway = defineProblem('WC_SSO_PROVIDER', 422, 'The identity provider cannot be used', (why: string) => `${why}. Try again in a moment; if it stays so, an administrator must look at the provider's settings.`)
export const CodeUnknown = defineProblem('WC_SSO_CODE', 400, 'The code is not good',
  () => 'It was used, is older than two minutes, never was, or codeVerifier is not what codeChallenge was made from. Begin again.')
export const NotAdmitted = defineProblem('WC_SSO_NOT_ADMITTED', 403, 'The organization does not let you in', (why: string) => why)
export const AddressTaken = defineProblem('WC_SSO_ADDRESS_TAKEN', 409, 'A member has this address',
  () => 'A member of the organization has your email address, and an address proves nothing. If it is your account: log in with its password, then POST /v1/auth/me/identities with the code of a new sign-in. If it was an account of another provider, an administrator must remove it first.')
export const IdentityLinked = defineProblem('WC_SSO_IDENTITY_LINKED', 409, 'Linked already', () => 'Who you are at this provider is linked to an account of the organization already. If it is another one than yours, unlink it there, or have that member removed.')

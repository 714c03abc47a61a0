import { defineProblem } from '../../lib/problem.ts'

/** What only authorizations tell their clients. */
export const NotAuthorizable = defineProblem('WC_OAUTH_NOT_AUTHORIZABLE', 422, 'Nobody can consent to this credential',
  () => 'Only credentials of the type oauth2 with the grant authorizationCode are connected by consent.')
export const StateUnknown = defineProblem('WC_OAUTH_STATE', 400, 'The state is not known',
  () => 'It was never given, was used, has expired after 10 minutes, or was given to somebody else. Begin again at GET /v1/oauth2/authorize-url, and finish in the same browser, or with the same credentials in the header.')
export const IssuerMismatch = defineProblem('WC_OAUTH_ISSUER', 400, 'The answer is of another authorization server', (why: string) => `${why}. Begin again; where it is right, set the credential's issuer.`)
export const ConsentDenied = defineProblem('WC_OAUTH_DENIED', 400, 'The authorization server gave no code', (why: string) => `${why}. Begin again at GET /v1/oauth2/authorize-url.`)
export const CodeRefused = defineProblem('WC_OAUTH_REFUSED', 400, 'The authorization server refused the code', (why: string) => `${why}. Check the credential, then begin again.`)
export const TokenEndpointFailed = defineProblem('WC_OAUTH_TOKEN_ENDPOINT', 422, 'No token could be fetched', (why: string) => `${why}. Check the credential's tokenUrl, then begin again.`)

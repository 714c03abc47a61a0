import type { LocalOwner } from '../services/identity/first-start.ts'

/** What a first start of the embedded default shows once, for people: secrets go here and never into the log. */
export function welcomeText (owner: LocalOwner, address: string | undefined): string {
  return `
  ${address === undefined ? 'WeConnect has made its own database' : `WeConnect is running at ${address}, with its own database in this directory`}.
  This is shown once. The API key is also in ${owner.apiKeyFile}.

    Owner         ${owner.email}
    Password      ${owner.password}
    Organization  ${owner.organizationSlug}
    API key       ${owner.apiKey}

${address === undefined ? '' : firstSteps(owner, address)}`
}

function firstSteps ({ organizationSlug, apiKey }: LocalOwner, address: string): string {
  return `  Try it:
    curl -X POST ${address}/hooks/${organizationSlug}/orders -H 'content-type: application/json' -d '{"quantity":5,"unitPrice":30}'
    curl ${address}/v1/executions -H 'x-api-key: ${apiKey}'
    npx weconnect tail --organization

  API reference: ${address}/docs

`
}

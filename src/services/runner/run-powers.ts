import { randomBytes } from 'node:crypto'
import { briefData } from '../../engine/brief.ts'
import type { Credential } from '../../engine/credentials/index.ts'
import { createMask, withoutSecrets } from '../../engine/credentials/mask.ts'
import type { Instant } from '../../engine/events.ts'
import type { RunCode } from '../../engine/code/run-code.ts'
import type { NodeFiles } from '../../engine/nodes/node-files.ts'
import type { Connect } from '../../engine/nodes/connect.ts'
import type { Fetch } from '../../engine/nodes/node-type.ts'
import type { StepPowers } from '../../engine/step-context.ts'
import type { ExecutionRun } from './execution-run.ts'
import type { RunHost } from './run-host.ts'

const LOG_MESSAGE_LIMIT = 4096

/** A class, since every step has one: what a node does not ask for is not made. */
export class RunPowers implements StepPowers {
  readonly #run: ExecutionRun
  readonly #host: RunHost
  readonly #nodeId: string
  readonly #runIndex: number
  readonly #limit: AbortController | undefined
  #secrets: Set<string> | undefined

  constructor (run: ExecutionRun, host: RunHost, nodeId: string, runIndex: number, limit: AbortController | undefined) {
    this.#run = run
    this.#host = host
    this.#nodeId = nodeId
    this.#runIndex = runIndex
    this.#limit = limit
  }

  get signal (): AbortSignal {
    return this.#limit === undefined ? this.#run.abortSignal : AbortSignal.any([this.#run.abortSignal, this.#limit.signal])
  }

  get fetch (): Fetch {
    const { organizationId } = this.#run.identity
    return async request => withoutSecrets(await this.#host.fetch(request, organizationId), this.#secrets)
  }

  get connect (): Connect { return this.#host.connect }

  get runCode (): RunCode {
    const { signal } = this
    return async run => await this.#host.sandbox.run(this.#run.identity.organizationId, run, signal)
  }

  get files (): NodeFiles { return this.#host.filesOf(this.#run.identity) }
  get now (): () => Instant { return this.#host.now }

  get credential (): StepPowers['credential'] {
    return async id => await this.#open(id)
  }

  get randomBytes (): StepPowers['randomBytes'] { return randomBytes }

  get claimKeys (): StepPowers['claimKeys'] {
    const { organizationId, workflowId, rootId } = this.#run.identity
    const claimedBy = `${rootId}:${this.#nodeId}:${this.#runIndex}`
    return async ({ name, keepFor, keepAtMost }, keys) =>
      await this.#host.keyMemory.claim({ organizationId, workflowId, name, claimedBy, keepFor, keepAtMost }, keys, this.signal)
  }

  get subWorkflow (): StepPowers['subWorkflow'] {
    return async workflowId => await this.#host.subWorkflow(this.#run.identity, workflowId)
  }

  get answerUrl (): StepPowers['answerUrl'] {
    const { id: executionId } = this.#run.identity
    return (nodeId, run, choice) => this.#host.links.url({ executionId, nodeId, run, choice })
  }

  get log (): StepPowers['log'] {
    const place = { nodeId: this.#nodeId, run: this.#runIndex }
    return (level, message, data) => {
      const line = this.masked({ message, data })
      this.#run.log({ level, message: line.message.slice(0, LOG_MESSAGE_LIMIT), ...place, ...(line.data === undefined ? {} : { data: briefData(line.data) }) })
    }
  }

  /** What the step leaves behind, without the secrets that it was given. */
  masked<T> (value: T): T {
    if (this.#secrets === undefined) return value
    const mask = createMask(this.#secrets)
    if (!(value instanceof Error)) return mask(value)
    value.message = mask(value.message)
    if (value.stack !== undefined) value.stack = mask(value.stack)
    if (value.cause instanceof Error) value.cause = this.masked(value.cause)
    return value
  }

  /** @param refused the version of a token that a far side did not take */
  async #open (id: string, refused?: number): Promise<Credential> {
    const { credential, secrets, tokenVersion } = await this.#host.credentials.open(this.#run.identity.organizationId, id, refused)
    this.#secrets ??= new Set()
    for (const secret of secrets) this.#secrets.add(secret)
    return tokenVersion === undefined ? credential : { ...credential, renew: async () => await this.#open(id, tokenVersion) }
  }
}

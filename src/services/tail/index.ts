export { createTailHub, type TailHub, type TailHubOptions } from './hub.ts'
export type { Subscription, TailSink } from './sink.ts'
export type { TailEvent } from './segment.ts'

export * from './identity.ts'
export * from './workflows.ts'
export * from './executions.ts'

export { ROLES, type Role } from '../../db/schema/identity.ts'

import { knownLocale } from '../../locale.ts'
import type { ParameterIssue } from '../node-type.ts'

export function localeIssues (locale: unknown, pointer = '/locale'): readonly ParameterIssue[] {
  if (typeof locale !== 'string' || locale.includes('{{') || knownLocale(locale) !== null) return []
  return [{ pointer, message: 'this is no locale such as en, de-AT or zh-Hant', code: 'WC_LOCALE' }]
}

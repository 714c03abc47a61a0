import neostandard from 'neostandard'
import tseslint from 'typescript-eslint'
import { ownLines } from './scripts/own-lines.js'

const MAX_FILE_LINES = 300
const MAX_FUNCTION_LINES = 60

export default [
  // What is not committed is not checked.
  ...neostandard({ ts: true, ignores: neostandard.resolveIgnoresFromGitignore() }),
  {
    rules: {
      'max-lines': ['error', MAX_FILE_LINES],
      // `void promise` says that nobody waits for it.
      'no-void': ['error', { allowAsStatement: true }],
      'no-throw-literal': 'off',
      'valid-typeof': ['error', { requireStringLiterals: false }],
      // Short properties may share lines, as in a table.
      '@stylistic/object-property-newline': 'off'
    }
  },
  {
    files: ['**/*.ts'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    languageOptions: { parser: tseslint.parser, parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // TypeScript knows better; and a schema shares its name with its type on purpose.
      'no-redeclare': 'off',
      '@typescript-eslint/no-redeclare': 'off',
      'no-undef': 'off',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': ['error', {
        // tap itself waits for its subtests.
        allowForKnownSafePromises: [{ from: 'package', name: 'PromiseWithSubtest', package: '@tapjs/core' }]
      }],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/only-throw-error': ['error', { allowRethrowing: true, allowThrowingUnknown: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }]
    }
  },
  {
    files: ['src/**/*.ts'],
    plugins: { weconnect: { rules: { 'own-lines': ownLines } } },
    rules: { 'weconnect/own-lines': ['error', MAX_FUNCTION_LINES] }
  },
  {
    // What an expression throws is any value, and not an error of ours.
    files: ['src/engine/expression/**/*.ts'],
    rules: { '@typescript-eslint/only-throw-error': 'off' }
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // Answers of the API are read as a client would, without types; assertions say what they hold.
      '@typescript-eslint/no-explicit-any': 'off',
      // Colours of a terminal are control characters.
      'no-control-regex': 'off',
      // Expressions hold `${}` as text.
      'no-template-curly-in-string': 'off',
      // What a loop waits for is changed by others meanwhile.
      'no-unmodified-loop-condition': 'off'
    }
  }
]

import tseslint from 'typescript-eslint'

const noDefaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'Export by name, so that a thing has one name everywhere.',
}
const noEnvironment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message:
    'The environment is read in src/config, and of the client in src/credentials/environment.ts, alone.',
}

export default tseslint.config(
  // The programs there are in many languages, each as its users write it.
  {
    ignores: ['dist', 'coverage', '**/*.js', 'bin', 'test/drivers/*/', 'test/pools/*/', 'examples'],
  },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/strict-boolean-expressions': 'error',
      '@typescript-eslint/promise-function-async': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      // An observer that ignores an event is an empty method, and says so by being one.
      '@typescript-eslint/no-empty-function': ['error', { allow: ['arrowFunctions', 'methods'] }],
      'no-console': 'error',
      'no-restricted-syntax': ['error', noDefaultExport, noEnvironment],
    },
  },
  {
    files: [
      'src/config/**',
      'src/credentials/environment.ts',
      'test/**',
      'demo/**',
      'bench/**',
      'tools/**',
    ],
    rules: { 'no-restricted-syntax': ['error', noDefaultExport] },
  },
  {
    files: ['test/**'],
    rules: {
      // A table's row is read by people; its types are checked where the code under test is.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  { files: ['**/*.config.ts'], rules: { 'no-restricted-syntax': 'off' } },
)

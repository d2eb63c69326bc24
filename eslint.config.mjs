import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const ENVIRONMENT = 'The environment is read in src/config alone: take what you need from Config.';

export default defineConfig(
  { ignores: ['dist/', 'coverage/', '.fairline/', '.cache/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'object-shorthand': 'error',
      '@typescript-eslint/consistent-type-assertions': [
        'error',
        { assertionStyle: 'as', objectLiteralTypeAssertions: 'never' },
      ],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, allowDefaultCaseForExhaustiveSwitch: true },
      ],
      // A class that only carries decorators is how Nest is told things.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true, allowEmpty: false }],
      // Numbers in messages are meant to be read as they are.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // Abstract methods, ports and handlers are asynchronous by contract, whether or not one waits.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Nest's handlers and Jest's callbacks may return promises where void is declared; awaited or not is the point.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      // A port's class is its injection token; whatever has its shape may stand for it.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // `[...text]` is meant: code points.
      '@typescript-eslint/no-misused-spread': 'off',
      // Refusing U+0000 needs to name it.
      'no-control-regex': 'off',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      '@typescript-eslint/no-unnecessary-type-arguments': 'off',
      // An empty function is a deliberate answer to an event or a rejection.
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: 'always' }],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/config/**', 'src/main.ts', 'src/**/*.spec.ts'],
    rules: {
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: ENVIRONMENT }],
      'no-restricted-imports': [
        'error',
        {
          paths: ['process', 'node:process'].map((name) => ({
            name,
            importNames: ['env', 'default'],
            message: ENVIRONMENT,
          })),
        },
      ],
    },
  },
  {
    // main hands the whole environment to the one function that parses it.
    files: ['src/main.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            "MemberExpression[object.name='process'][property.name='env']:not(CallExpression[callee.name='loadConfig'] > MemberExpression)",
          message: ENVIRONMENT,
        },
      ],
    },
  },
  {
    // Where people read the output of a command.
    files: ['bench/**/*.ts', 'scripts/**/*.ts', 'scripts/**/*.mjs'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.spec.ts', 'test/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(only|todo)$/]',
          message: 'Every test runs.',
        },
        {
          selector: 'MemberExpression[object.name=/^(it|test)$/][property.name="skip"]',
          message: 'Every test runs; where a service may be missing, use the describe of test/support.',
        },
      ],
      '@typescript-eslint/no-non-null-assertion': 'error',
      // Matchers take methods and asymmetric matchers, and answers of HTTP clients are typed any: the assertion that
      // follows is their check.
      ...Object.fromEntries(
        ['unbound-method', 'only-throw-error', 'no-unsafe-assignment', 'no-unsafe-member-access']
          .concat(['no-unsafe-argument', 'no-unsafe-call', 'no-unsafe-return'])
          .map((name) => [`@typescript-eslint/${name}`, 'off']),
      ),
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    languageOptions: {
      ecmaVersion: 'latest',
      globals: Object.fromEntries(
        [
          ...[
            'process',
            'console',
            'URL',
            'setTimeout',
            'clearTimeout',
            'setInterval',
            'clearInterval',
            'Buffer',
          ],
          ...['fetch', 'AbortController', 'AbortSignal', 'performance', 'structuredClone', 'setImmediate'],
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs', globals: { module: 'writable', require: 'readonly' } },
  },
);

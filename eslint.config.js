import js from '@eslint/js';
import globals from 'globals';

export default [
  { ignores: ['cockpit/vendor/**', '.venv/**', 'tests/**'] },
  js.configs.recommended,
  {
    files: ['cockpit/**/*.js'],
    languageOptions: { ecmaVersion: 2023, sourceType: 'module', globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: { eqeqeq: ['error', 'always', { null: 'ignore' }], 'no-unused-vars': ['error', { args: 'after-used' }], 'prefer-const': 'error', 'no-var': 'error' },
  },
];

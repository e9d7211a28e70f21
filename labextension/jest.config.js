// JupyterLab's packages are ES modules, which jest runs as CommonJS.
const modules = '@jupyterlab|@jupyter|lib0|y-protocols|yjs';
const compiler = {
  allowJs: true,
  esModuleInterop: true,
  isolatedModules: true,
  module: 'commonjs',
  target: 'ES2020',
  types: ['jest']
};

module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/src/__tests__/*.spec.ts'],
  transform: { '\\.[jt]s$': ['ts-jest', { tsconfig: compiler }] },
  transformIgnorePatterns: [`/node_modules/(?!(${modules})/)`]
};

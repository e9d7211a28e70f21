// JupyterLab's packages are ES modules, which jest runs as CommonJS.
const modules = '@jupyterlab|@jupyter|lib0|y-protocols|yjs';
const compiler = {
  allowJs: true,
  esModuleInterop: true,
  isolatedModules: true,
  jsx: 'react',
  module: 'commonjs',
  target: 'ES2020',
  types: ['jest']
};

// What looks at the DOM names its environment in its first lines: `@jest-environment ./jest.browser.js`.
module.exports = {
  moduleNameMapper: {
    '^@jupyter/(react|web)-components$': '<rootDir>/jest.components.js',
    '^@jupyterlab/notebook$': '<rootDir>/jest.notebook.js',
    '\\.css$': '<rootDir>/jest.nothing.js',
    '\\.svg$': '<rootDir>/jest.svg.js'
  },
  testEnvironment: 'node',
  testTimeout: 30_000, // for a loaded machine
  testMatch: ['<rootDir>/src/__tests__/**/*.spec.ts?(x)'],
  transform: { '\\.[jt]sx?$': ['ts-jest', { tsconfig: compiler }] },
  transformIgnorePatterns: [`/node_modules/(?!(${modules})/)`]
};

/**
 * In place of the web components that JupyterLab's forms and toolbars are made of, for which jsdom has no use: each
 * component shows nothing, and the design system takes whatever is registered.
 */
module.exports = new Proxy(
  { __esModule: true, provideJupyterDesignSystem: () => ({ register() {} }) },
  { get: (own, name) => (name in own ? own[name] : () => null) }
);

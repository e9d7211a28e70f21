/**
 * A browser for tests: jsdom, with what it lacks and the code under test needs; Node has most of it.
 */
const { TestEnvironment } = require('jest-environment-jsdom');

const FROM_NODE = [
  'AbortController',
  'AbortSignal',
  'Headers',
  'Request',
  'Response',
  'TextDecoder',
  'TextEncoder',
  'fetch',
  'setImmediate',
  'structuredClone'
];

/** Pixels of every element, as jsdom lays nothing out. */
const HEIGHT = 420;
const WIDTH = 280;

module.exports = class Browser extends TestEnvironment {
  async setup() {
    await super.setup();
    const { global } = this;
    for (const name of FROM_NODE) {
      global[name] = globalThis[name];
    }
    global.DragEvent ??= class extends global.MouseEvent {};
    global.matchMedia = () => ({ addListener() {}, matches: false });
    global.ResizeObserver = class {
      observe() {}
      unobserve() {}
      disconnect() {}
    };
    const element = global.HTMLElement.prototype;
    for (const [name, size] of [
      ['offsetHeight', HEIGHT],
      ['clientHeight', HEIGHT],
      ['offsetWidth', WIDTH],
      ['clientWidth', WIDTH]
    ]) {
      Object.defineProperty(element, name, {
        configurable: true,
        get: () => size
      });
    }
    Object.defineProperty(element, 'scrollHeight', {
      configurable: true,
      get() {
        return (
          Number.parseFloat(this.firstElementChild?.style.height) || HEIGHT
        );
      }
    });
    element.scrollTo = function ({ top }) {
      this.scrollTop = top;
      this.dispatchEvent(new global.Event('scroll'));
    };
    global.requestIdleCallback = callback => global.setTimeout(callback, 0);
    global.navigator.clipboard = {};
    addClipboard(global);
  }
};

/** Give the document the command "copy"; `document.copied` is the text that was copied last. */
function addClipboard({ document, Event }) {
  document.execCommand = command => {
    const event = new Event(command, { bubbles: true });
    event.clipboardData = {
      setData: (_, text) => {
        document.copied = text;
      }
    };
    document.body.dispatchEvent(event);
    return true;
  };
}

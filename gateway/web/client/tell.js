// @ts-check
/** @typedef {import('./index.js').Callbacks} Callbacks */

/**
 * Calls an app's callback, if there is one. What it throws is the app's: it is
 * reported as uncaught and disturbs nothing here.
 * @param {Callbacks} callbacks
 * @param {keyof Callbacks} name
 * @param {any} value
 */
export function tell(callbacks, name, value) {
  try {
    callbacks[name]?.(value);
  } catch (e) {
    queueMicrotask(() => {
      throw e;
    });
  }
}

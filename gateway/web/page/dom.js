/** Elements from JavaScript. Whatever comes from people goes in as text, never as markup. */

/** @param {string} id */
export const by = (id) => /** @type {any} */ (document.getElementById(id));

/**
 * An element with properties, and children that are elements or text.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {(Node | string)[]} children
 */
export function make(tag, props = {}, ...children) {
  const e = Object.assign(document.createElement(tag), props);
  e.append(...children);
  return e;
}

/** The round sign of a person: initial and a colour of their own. */
export function face(member, name) {
  let hue = 0;
  for (const c of member) hue = (hue * 31 + c.codePointAt(0)) % 360;
  const e = make('span', { className: 'face', ariaHidden: 'true' }, [...(name || '?')][0].toUpperCase());
  e.style.setProperty('--hue', String(hue));
  return e;
}

export const clockTime = (at) =>
  make('time', { dateTime: new Date(at).toISOString() }, new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));

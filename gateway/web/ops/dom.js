// Elements from JavaScript. Whatever comes from people goes in as text, never as markup.

export const by = (id) => document.getElementById(id);

/** An element with properties, and children that are elements or text. */
export function make(tag, props = {}, ...children) {
  const e = Object.assign(document.createElement(tag), props);
  e.append(...children);
  return e;
}

/** The same for SVG, with attributes. */
export function draw(tag, attributes = {}, ...children) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

/** Asks before something that cannot be taken back. */
export function confirmed(title, text, yes) {
  const dialog = by('confirm');
  by('confirm-title').textContent = title;
  by('confirm-text').textContent = text;
  by('confirm-yes').textContent = yes;
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

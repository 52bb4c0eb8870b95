// @ts-check
/** What all views are made of. Whatever people wrote goes in as text, never as markup. */
import { h } from '../vendor/preact.js';
import { useEffect, useLayoutEffect, useRef, useState } from '../vendor/hooks.js';
import htm from '../vendor/htm.js';

export { useEffect, useLayoutEffect, useRef, useState };

/** @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(h);

/**
 * @template T
 * @param {import('../app/store.js').Store<T>} store
 * @returns {T}
 */
export function useStore(store) {
  const [, draw] = useState(0);
  useLayoutEffect(() => {
    draw((n) => n + 1); // it may have changed since it was drawn
    return store.watch(() => draw((n) => n + 1));
  }, [store]);
  return store.value;
}

/**
 * The time by a clock, again and again while something runs.
 * @param {() => number} clock
 * @param {boolean} runs
 * @param {number} [every] milliseconds
 */
export function useClock(clock, runs, every = 200) {
  const [, draw] = useState(0);
  useEffect(() => {
    if (!runs) return undefined;
    const timer = setInterval(() => draw((n) => n + 1), every);
    return () => clearInterval(timer);
  }, [runs, every]);
  return clock();
}

/** @param {...(string | false | null | undefined)} names */
export const cx = (...names) => names.filter(Boolean).join(' ');

const still = matchMedia('(prefers-reduced-motion: reduce)');

/** Whether somebody wants no motion. */
export const calm = () => still.matches;

/**
 * The colour of a person, the same on every screen.
 * @param {string} id
 */
export function hue(id) {
  let n = 0;
  for (const c of id) n = (n * 31 + /** @type {number} */ (c.codePointAt(0))) % 360;
  return n;
}

/** @param {{ id: string, name: string, small?: boolean }} props */
export const Face = ({ id, name, small }) =>
  html`<span class=${cx('face', small && 'small')} aria-hidden="true" style=${{ '--hue': hue(id) }}>${[...(name || '?')][0].toUpperCase()}</span>`;

/**
 * A dialog on top of everything; Escape and a click beside it close it.
 * @param {{ label: string, onClose: () => void, onKeyDown?: (e: KeyboardEvent) => unknown, children?: any, class?: string, role?: string }} props
 */
export function Dialog({ label, onClose, onKeyDown, children, class: name, role }) {
  const ref = useRef(/** @type {any} */ (null));
  useLayoutEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    ref.current.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  const beside = (/** @type {MouseEvent} */ e) => e.target === ref.current && onClose();
  const cancel = (/** @type {Event} */ e) => {
    e.preventDefault();
    onClose();
  };
  const keys = (/** @type {KeyboardEvent} */ e) => {
    if (e.key === 'Escape') e.stopPropagation(); // it closes this, and not what is below, too
    onKeyDown?.(e);
  };
  return html`<dialog ref=${ref} class=${cx('dialog', name)} role=${role} aria-label=${label} onMouseDown=${beside} onCancel=${cancel} onKeyDown=${keys}>
    <div class="sheet">${children}</div>
  </dialog>`;
}

/**
 * A button that opens a small panel beside it.
 * @param {{ label: string, class?: string, button: any, title?: string, children: (close: () => void) => any, panel?: string, disabled?: boolean }} props
 */
export function Popover({ label, class: name, button, children, panel, title, disabled }) {
  const [open, setOpen] = useState(false);
  const ref = useRef(/** @type {any} */ (null));
  const box = useRef(/** @type {any} */ (null));
  const close = () => {
    setOpen(false);
    ref.current?.querySelector('button')?.focus();
  };
  useEffect(() => {
    if (!open) return undefined;
    const outside = (/** @type {Event} */ e) => !ref.current.contains(e.target) && setOpen(false);
    const key = (/** @type {KeyboardEvent} */ e) => {
      if (e.key !== 'Escape') return;
      e.stopPropagation();
      close();
    };
    addEventListener('pointerdown', outside, true);
    addEventListener('focusin', outside);
    addEventListener('keydown', key, true);
    return () => {
      removeEventListener('pointerdown', outside, true);
      removeEventListener('focusin', outside);
      removeEventListener('keydown', key, true);
    };
  }, [open]);
  useLayoutEffect(() => {
    if (!open) return undefined;
    const put = () => place(box.current, ref.current.querySelector('button'));
    put();
    (box.current.querySelector('.primary, .item') ?? box.current.querySelector('button'))?.focus();
    const watch = new ResizeObserver(put); // of the window's resize one hears before the styles are those of its new size
    watch.observe(document.documentElement);
    watch.observe(box.current);
    return () => watch.disconnect();
  }, [open]);
  return html`<span class="popover" ref=${ref}>
    <button type="button" class=${name} aria-label=${label} title=${title ?? label} aria-expanded=${open} disabled=${disabled}
      onClick=${() => setOpen(!open)}>${button}</button>
    ${open && html`<div class=${cx('panel', panel)} ref=${box} role="group" aria-label=${label ?? title}>${children(close)}</div>`}
  </span>`;
}

/**
 * Puts a panel below its button, or above it, and within the window.
 * @param {HTMLElement} panel
 * @param {HTMLElement} button
 */
function place(panel, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: w, offsetHeight: h } = panel;
  const left = Math.max(8, Math.min(at.left + at.width / 2 - w / 2, innerWidth - w - 8));
  const below = at.bottom + 6 + h <= innerHeight - 8 || at.top < h + 14;
  panel.style.left = `${left}px`;
  panel.style.top = `${below ? Math.min(at.bottom + 6, Math.max(8, innerHeight - h - 8)) : at.top - h - 6}px`;
}

/** @param {{ checked: boolean, onChange: (on: boolean) => void, label: string, hint?: string, disabled?: boolean }} props */
export const Switch = ({ checked, onChange, label, hint, disabled }) => html`<label class=${cx('switch', disabled && 'off')}>
  <span><span class="what">${label}</span>${hint && html`<small>${hint}</small>`}</span>
  <input type="checkbox" role="switch" checked=${checked} disabled=${disabled} onChange=${(/** @type {any} */ e) => {
    const on = e.target.checked;
    e.target.checked = checked; // until the meeting says so
    onChange(on);
  }} />
</label>`;

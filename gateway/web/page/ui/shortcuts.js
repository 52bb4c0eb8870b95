// @ts-check
/** The keyboard: digits choose a card, R reveals, N goes on, ? helps. */
import { Typed } from '../model/keys.js';
import { amVoter, may } from '../model/people.js';
import { useLayoutEffect, useRef } from './kit.js';

const typing = (/** @type {any} */ e) =>
  e.target?.closest?.('input:not([type=checkbox]), textarea, select, [contenteditable]') || document.querySelector('dialog[open]');

/**
 * @param {import('./meeting.js').View} view
 * @param {() => void} onHelp
 */
export function useKeys(view, onHelp) {
  const now = useRef(view);
  now.current = view;
  const typed = useRef(new Typed());
  useLayoutEffect(() => {
    const key = (/** @type {KeyboardEvent} */ e) => {
      if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.isComposing || e.key.length !== 1 || typing(e)) return;
      if (press(now.current, e.key, typed.current, onHelp)) e.preventDefault();
    };
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  }, []);
}

/**
 * @param {import('./meeting.js').View} view
 * @param {string} key
 * @param {Typed} typed
 * @param {() => void} onHelp
 * @returns {boolean} whether the key meant something
 */
function press({ meeting, room, me, step, progress }, key, typed, onHelp) {
  if (key === '?') return onHelp(), true;
  if (!room) return false;
  if (key.toLowerCase() === 'r' && (step === 'reveal' || step === 'force') && may(meeting, me, meeting.options.reveal_by)) {
    return void room.reveal(progress.missing.map((s) => s.name)), true;
  }
  if (key.toLowerCase() === 'n' && (step === 'next' || step === 'revote') && may(meeting, me, meeting.options.flow_by)) {
    return void room.next(), true;
  }
  if (!amVoter(meeting, me)) return false;
  const card = typed.take(key, Date.now(), meeting.deck.cards);
  const button = card && [...document.querySelectorAll('.playing-card')].find((b) => /** @type {HTMLElement} */ (b).dataset.card === card);
  if (button) /** @type {HTMLElement} */ (button).focus();
  return Boolean(button);
}

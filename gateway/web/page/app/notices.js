// @ts-check
/** What is told in passing: short notices, one line for screen readers, and questions. */
import { Store } from './store.js';

/** @typedef {{ id: number, text: string, tone: 'plain' | 'good' | 'bad' }} Notice */

/** @type {Store<Notice[]>} */
export const notices = new Store(/** @type {Notice[]} */ ([]));

/** The polite live region. */
export const live = new Store('');

/** @typedef {{ title: string, text: string, yes: string, danger?: boolean, answer: (yes: boolean) => void }} Question */

/** @type {Store<Question | null>} */
export const question = new Store(/** @type {Question | null} */ (null));

const SHOWN = 5000;
let last = 0;

/** @param {string} text @param {Notice['tone']} [tone] */
export function tell(text, tone = 'plain') {
  const notice = { id: ++last, text, tone };
  notices.value = [...notices.value.filter((n) => n.text !== text), notice].slice(-3);
  setTimeout(() => dismiss(notice.id), SHOWN);
}

/** @param {number} id */
export const dismiss = (id) => (notices.value = notices.value.filter((n) => n.id !== id));

/**
 * Asks before something that cannot be undone.
 * @param {Omit<Question, 'answer'>} q
 * @returns {Promise<boolean>}
 */
export const ask = (q) =>
  new Promise((resolve) => {
    question.value?.answer(false);
    question.value = {
      ...q,
      answer: (yes) => {
        question.value = null;
        resolve(yes);
      },
    };
  });

// @ts-check
/** What a person has chosen for this browser: language, and dark or light. */
import { languages, preferred, translator } from '../lang/i18n.js';
import { kept, keep } from './storage.js';
import { Store } from './store.js';

/** @typedef {'auto' | 'light' | 'dark'} Theme */

const chosen = kept('lang') ?? '';

/** @type {Store<string>} */
export const language = new Store(chosen in languages ? chosen : preferred(navigator.languages));

/** @type {Store<Theme>} */
export const theme = new Store(/** @type {Theme} */ (['light', 'dark'].find((t) => t === kept('theme')) ?? 'auto'));

let translate = translator(language.value);

/** The text of a key in the chosen language. @type {import('../lang/i18n.js').Translate} */
export const t = (key, params) => translate(key, params);

/** @param {string} lang */
export function speak(lang) {
  keep('lang', lang);
  language.value = lang;
}

/** @param {Theme} name */
export function paint(name) {
  keep('theme', name === 'auto' ? '' : name);
  theme.value = name;
}

const night = matchMedia('(prefers-color-scheme: dark)');

const show = () => {
  translate = translator(language.value);
  document.documentElement.lang = language.value;
  document.documentElement.dataset.theme = theme.value === 'auto' ? (night.matches ? 'dark' : 'light') : theme.value;
};
night.addEventListener('change', show);
language.watch(show);
theme.watch(show);
show();

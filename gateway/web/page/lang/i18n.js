// @ts-check
/**
 * Languages. A text is a string, or, where it depends on a number n, one string
 * for each plural category of the language. {name} is a parameter.
 *
 * @typedef {string | { one?: string, other: string }} Text
 * @typedef {(key: string, params?: Record<string, string | number>) => string} Translate
 */
import { en } from './en.js';
import { zhCN } from './zh-cn.js';

/** @type {Record<string, { name: string, texts: Record<string, Text> }>} */
export const languages = {
  en: { name: 'English', texts: en },
  'zh-CN': { name: '简体中文', texts: zhCN },
};

/**
 * @param {string} lang
 * @returns {Translate} a missing key comes back as it is, and is seen
 */
export function translator(lang) {
  const { texts } = languages[lang];
  const plural = new Intl.PluralRules(lang);
  return (key, params = {}) => {
    const text = texts[key];
    if (text === undefined) return key;
    const chosen = typeof text === 'string' ? text : plural.select(Number(params.n)) === 'one' ? text.one ?? text.other : text.other;
    return chosen.replace(/\{(\w+)\}/g, (whole, name) => isolated(String(params[name] ?? whole)));
  };
}

/** Letters that are written from right to left. */
const leftwards = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/**
 * What somebody wrote, so that it does not turn around the text that it stands in.
 * @param {string} text
 */
export const isolated = (text) => (leftwards.test(text) ? `\u2068${text}\u2069` : text);

/** Whether there is such a text. @param {string} key */
export const has = (key) => key in en;

/**
 * The language for somebody who has not chosen one.
 * @param {readonly string[]} wanted as the browser gives them, best first
 */
export function preferred(wanted) {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split('-')[0];
    if (language === 'zh') return 'zh-CN';
    if (language === 'en') return 'en';
  }
  return 'en';
}

// @ts-check
/** The end of a visit, and what can be done about it. */
import { t } from '../app/prefs.js';
import { go } from '../app/route.js';
import { forget } from '../app/storage.js';
import { has } from '../lang/i18n.js';
import { Mark } from './icons.js';
import { html, useEffect } from './kit.js';

/** Of those there is no use in joining again. */
const hopeless = ['banned', 'session_ended', 'not_authenticated', 'wrong_kind', 'no_such_session'];

/** Of those who were in already. */
const within = ['removed', 'left', 'replaced'];

/** @param {{ error: { code: string, message: string }, session: string, onAgain: () => void }} props */
export function Over({ error, session, onAgain }) {
  useEffect(() => {
    if (hopeless.includes(error.code)) forget(session);
  }, []);
  const key = has(`over.${error.code}`) ? error.code : 'other';
  return html`<main id="over" class="center">
    <section class="card">
      <div class="card-head"><${Mark} size=${40} /><h1 id="over-title">${t(`over.${key}`)}</h1></div>
      <p id="over-text" class="quiet">${has(`over.${key}_text`) ? t(`over.${key}_text`) : error.message}</p>
      <div class="buttons">
        ${!hopeless.includes(error.code) && html`<button class="primary" id="again" type="button" onClick=${onAgain}>${t(within.includes(error.code) ? 'over.again' : 'over.retry')}</button>`}
        <button type="button" onClick=${() => go('')}>${t('over.home')}</button>
      </div>
    </section>
  </main>`;
}

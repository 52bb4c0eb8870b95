// @ts-check
/** Everything: the screen that the address names, and what is told on top of it. */
import { language, t, theme } from '../app/prefs.js';
import { dismiss, live, notices, question } from '../app/notices.js';
import { route } from '../app/route.js';
import { Home } from './home.js';
import { Icon } from './icons.js';
import { Session } from './session.js';
import { Dialog, html, useEffect, useStore } from './kit.js';

export function App() {
  const { session, bad, created, expect } = useStore(route);
  useStore(language);
  useStore(theme);
  useEffect(() => () => question.value?.answer(false), [session]);
  return html`
    ${session ? html`<${Session} key=${session} session=${session} created=${created} expect=${expect} />` : html`<${Home} bad=${bad} />`}
    <${Ask} />
    <${Notices} />
    <${Live} />`;
}

function Notices() {
  const list = useStore(notices);
  return html`<div class="notices">
    ${list.map(({ id, text, tone }) => html`<p class="notice" data-tone=${tone} key=${id}>
      ${tone === 'good' && html`<${Icon} name="check" size=${18} />`}<span>${text}</span>
      <button type="button" class="plain icon-only" aria-label=${t('do.dismiss')} onClick=${() => dismiss(id)}><${Icon} name="x" size=${16} /></button>
    </p>`)}
  </div>`;
}

/** The one polite live region. What a notice says stands here, too. */
function Live() {
  const said = useStore(live);
  const last = useStore(notices).at(-1);
  return html`<p class="hidden" id="live" role="status" aria-live="polite">${said} ${last?.text ?? ''}</p>`;
}

/** A question. Where something is lost with a yes, a key that was meant for what was there before is a no, and a held one is nothing. */
function Ask() {
  const q = useStore(question);
  if (!q) return null;
  return html`<${Dialog} label=${q.title} class="small" role="alertdialog" onClose=${() => q.answer(false)} onKeyDown=${(/** @type {KeyboardEvent} */ e) => e.repeat && e.preventDefault()}>
    <h2>${q.title}</h2>
    <p class="quiet">${q.text}</p>
    <div class="buttons">
      <button type="button" class=${q.danger ? 'danger' : 'primary'} onClick=${() => q.answer(true)}>${q.yes}</button>
      <button type="button" autofocus=${q.danger} onClick=${() => q.answer(false)}>${t('do.cancel')}</button>
    </div>
  <//>`;
}

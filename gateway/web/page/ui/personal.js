// @ts-check
/** What one person chooses for this browser: language, dark or light. */
import { language, paint, speak, t, theme } from '../app/prefs.js';
import { languages } from '../lang/i18n.js';
import { html } from './kit.js';

/** Both, side by side. */
export const Chosen = () => html`<div class="chosen"><${Language} /><${Theme} /></div>`;

const Language = () => html`<label class="pick"><span class="hidden">${t('me.language')}</span>
  <select value=${language.value} onChange=${(/** @type {any} */ e) => speak(e.target.value)}>
    ${Object.entries(languages).map(([id, { name }]) => html`<option value=${id} lang=${id}>${name}</option>`)}
  </select>
</label>`;

const Theme = () => html`<label class="pick"><span class="hidden">${t('me.theme')}</span>
  <select value=${theme.value} onChange=${(/** @type {any} */ e) => paint(e.target.value)}>
    ${['auto', 'light', 'dark'].map((name) => html`<option value=${name}>${t(`theme.${name}`)}</option>`)}
  </select>
</label>`;

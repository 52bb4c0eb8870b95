// @ts-check
/** The link to the meeting, as text and as a QR code. */
import { copy } from '../app/clipboard.js';
import { linkTo } from '../app/http.js';
import { tell } from '../app/notices.js';
import { t } from '../app/prefs.js';
import { correction, generate } from '../vendor/qr.js';
import { Icon } from './icons.js';
import { Popover, html } from './kit.js';

/** @param {{ visit: import('../app/visit.js').Visit }} props */
export const Share = ({ visit }) => html`<${Popover} class="invite" label=${t('share.title')} panel="share-panel"
  button=${html`<${Icon} name="share" /><span>${t('share.short')}</span>`}>
  ${() => html`<${Invitation} session=${visit.session} />`}
<//>`;

/** @param {{ session: string }} props */
export const Invitation = ({ session }) => html`<div class="invitation">
  <${Code} text=${linkTo(session)} />
  <div class="words">
    <p class="strong">${t('share.title')}</p>
    <p class="quiet small">${t('share.text')}</p>
  </div>
  <${Link} text=${linkTo(session)} />
</div>`;

/** @param {{ text: string }} props */
const Link = ({ text }) => html`<div class="field">
  <input class="share-link" readonly value=${text} aria-label=${t('share.link')} onFocus=${(/** @type {any} */ e) => e.target.select()} />
  <button type="button" class="primary" onClick=${async () => ((await copy(text)) ? tell(t('notice.copied'), 'good') : tell(t('notice.not_copied'), 'bad'))}>
    <${Icon} name="copy" size=${18} />${t('do.copy')}</button>
</div>`;

/** A QR code; dark on light in either theme, as readers want it. @param {{ text: string }} props */
export function Code({ text }) {
  const code = generate(text, { minCorrectionLevel: correction.M });
  let path = '';
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) if (code.get(x, y)) path += `M${x} ${y}h1v1h-1z`;
  }
  return html`<svg class="qr" viewBox=${`-3 -3 ${code.size + 6} ${code.size + 6}`} role="img" aria-label=${t('share.code')} shape-rendering="crispEdges">
    <rect x="-3" y="-3" width=${code.size + 6} height=${code.size + 6} /><path d=${path} />
  </svg>`;
}

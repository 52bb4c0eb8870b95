// @ts-check
/** The timer that everybody sees. Its end is the gateway's. */
import { t } from '../app/prefs.js';
import { left, minutes } from '../model/clock.js';
import { may } from '../model/people.js';
import { Icon } from './icons.js';
import { Popover, html, useClock } from './kit.js';

const PRESETS = [1, 2, 3, 5, 10];

/** @param {{ view: import('./meeting.js').View }} props */
export function Timer({ view: { meeting, room, me, clock } }) {
  const { timer } = meeting;
  const now = useClock(clock, timer?.state === 'running');
  const rest = timer ? left(timer, now) : 0;
  const allowed = room && may(meeting, me, meeting.options.flow_by);
  if (meeting.phase === 'closed' || !timer && !allowed) return null;
  const face = timer
    ? html`<span class="timer-face" data-state=${timer.state} data-soon=${(timer.state === 'running' && rest <= 10_000) || undefined}>
        <${Ring} part=${timer.state === 'ended' ? 0 : rest / timer.ms} /><b>${timer.state === 'ended' ? t('timer.over') : minutes(rest)}</b></span>`
    : html`<${Icon} name="clock" />`;
  if (!allowed) return html`<span class="timer" role="timer" aria-label=${t('timer.title')}>${face}</span>`;
  return html`<${Popover} class="plain timer" label=${timer ? `${t('timer.title')}, ${timer.state === 'ended' ? t('timer.over') : minutes(rest)}` : t('timer.title')} title=${t('timer.title')} button=${face} panel="timer-panel">
    ${(/** @type {() => void} */ close) => {
      const ask = (/** @type {string} */ command, /** @type {any} */ data = {}) => {
        close();
        room.do(command, data);
      };
      return html`
        ${timer && timer.state !== 'ended' && html`<div class="row">
          ${timer.state === 'running'
            ? html`<button type="button" onClick=${() => ask('pause_timer')}><${Icon} name="pause" size=${18} />${t('timer.pause')}</button>`
            : html`<button type="button" class="primary" onClick=${() => ask('start_timer')}><${Icon} name="play" size=${18} />${t('timer.go_on')}</button>`}
          <button type="button" onClick=${() => ask('stop_timer')}><${Icon} name="stop" size=${18} />${t('timer.stop')}</button>
        </div>`}
        <p class="quiet small">${t('timer.minutes')}</p>
        <div class="row">${PRESETS.map((n) => html`<button type="button" aria-label=${t('timer.start', { n })} onClick=${() => ask('start_timer', { seconds: n * 60 })}>${n}</button>`)}</div>
        ${timer?.state === 'ended' && html`<button type="button" onClick=${() => ask('stop_timer')}>${t('timer.clear')}</button>`}`;
    }}
  <//>`;
}

/** @param {{ part: number }} props */
const Ring = ({ part }) => html`<svg class="ring" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
  <circle cx="10" cy="10" r="8" pathLength="100" /><circle class="part" cx="10" cy="10" r="8" pathLength="100" stroke-dasharray=${`${Math.round(part * 100)} 100`} />
</svg>`;

// @ts-check
/** The centre of the table: how far the round is, and one large button. */
import { t } from '../app/prefs.js';
import { left } from '../model/clock.js';
import { claimIn, may, nextStory } from '../model/people.js';
import { Icon } from './icons.js';
import { Reactions } from './reactions.js';
import { cx, html, useClock } from './kit.js';

/** @param {{ view: import('./meeting.js').View }} props */
export function Centre({ view }) {
  if (view.step === 'closed') return null;
  return html`<div class="centre">
    ${view.step === 'countdown' ? html`<${Countdown} view=${view} />` : html`<${Ordinary} view=${view} />`}
    <${Claim} view=${view} />
    ${view.room && html`<${Reactions} room=${view.room} />`}
  </div>`;
}

/** @param {{ view: import('./meeting.js').View }} props */
function Countdown({ view: { meeting, room, me, clock } }) {
  const countdown = /** @type {{ at: number, ms: number }} */ (meeting.round?.countdown);
  const now = useClock(clock, true, 100);
  const rest = left(countdown, now);
  return html`<div class="countdown">
    <span class="hidden">${t('centre.countdown')}</span>
    <b class="tick" key=${Math.ceil(rest / 1000)} role="timer">${Math.ceil(rest / 1000)}</b>
    ${room && may(meeting, me, meeting.options.reveal_by) && html`<button type="button" onClick=${() => room.do('cancel_countdown', { round: meeting.round?.round })}>${t('centre.wait')}</button>`}
  </div>`;
}

/** @param {{ view: import('./meeting.js').View }} props */
function Ordinary({ view }) {
  const { progress: { voted, voters, missing }, meeting, step } = view;
  if (meeting.phase === 'revealed') {
    return html`<div class="now"><p class="level" data-level=${meeting.round?.results?.level}>${t(`level.${meeting.round?.results?.level}`)}</p><${Next} view=${view} /></div>`;
  }
  const part = voters ? voted / voters : 0;
  return html`<div class="now">
    <p class="progress"><b>${voted}/${voters}</b> <span>${step === 'reveal' ? t('centre.all') : t('centre.voted')}</span></p>
    <span class="meter" aria-hidden="true"><i style=${{ '--part': part }}></i></span>
    <${Reveal} view=${view} missing=${missing} />
  </div>`;
}

/** @param {{ view: import('./meeting.js').View, missing: import('../model/people.js').Seat[] }} props */
function Reveal({ view: { meeting, room, me, step }, missing }) {
  if (!room || !may(meeting, me, meeting.options.reveal_by)) return html`<p class="quiet small">${t(`centre.by_${meeting.options.reveal_by}`)}</p>`;
  return html`<button type="button" id="next" class=${cx('large', step === 'reveal' && 'primary ready')} disabled=${step === 'wait'} onClick=${() => room.reveal(missing.map((s) => s.name))}>
    ${t('do.reveal')}<kbd>R</kbd></button>`;
}

/** @param {{ view: import('./meeting.js').View }} props */
function Next({ view: { meeting, room, me, step } }) {
  if (!room || !may(meeting, me, meeting.options.flow_by)) return html`<p class="quiet small">${t('centre.flow')}</p>`;
  const story = nextStory(meeting);
  const buttons = [
    html`<button type="button" key="next" id=${step === 'next' ? 'next' : undefined} data-do="next" class=${cx('large', step === 'next' && 'primary')} title=${story?.title} onClick=${() => room.next()}>${t(story ? 'do.next' : 'do.new_round')}<kbd>N</kbd></button>`,
    html`<button type="button" key="revote" id=${step === 'revote' ? 'next' : undefined} data-do="revote" class=${cx('large', step === 'revote' && 'primary')} onClick=${() => room.revote()}><${Icon} name="redo" size=${18} />${t('do.revote')}</button>`,
  ];
  return html`<div class="pair">${step === 'next' ? buttons : buttons.reverse()}</div>
    ${story && html`<p class="quiet small upcoming">${t('centre.next', { title: story.title })}</p>`}`;
}

/** Takes the facilitator's place, when nobody who has it has been here for a minute. @param {{ view: import('./meeting.js').View }} props */
function Claim({ view: { meeting, room, me, clock } }) {
  const restricted = ['reveal_by', 'flow_by', 'stories_by', 'settings_by'].some((p) => /** @type {any} */ (meeting.options)[p] !== 'everyone');
  const now = useClock(clock, meeting.absent !== null, 1000);
  const wait = claimIn(meeting, me, now);
  if (!room || !restricted || wait === undefined) return null;
  if (wait > 0) return html`<p class="quiet small">${t('claim.wait', { n: Math.ceil(wait / 1000) })}</p>`;
  return html`<button type="button" class="link" onClick=${() => room.do('claim')}>${t('claim.do')}</button>`;
}

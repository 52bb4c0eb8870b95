// @ts-check
/** The settings of the meeting, its door, and its people. */
import { ask } from '../app/notices.js';
import { t } from '../app/prefs.js';
import { isolated } from '../lang/i18n.js';
import { isFacilitator, may } from '../model/people.js';
import { Decks } from './decks.js';
import { Icon } from './icons.js';
import { actions } from './seat.js';
import { Face, Popover, Switch, cx, html, useRef } from './kit.js';

/** @typedef {import('./meeting.js').View} View */

const policies = /** @type {const} */ (['reveal_by', 'flow_by', 'stories_by', 'settings_by']);

/** @param {{ view: View }} props */
export function Settings({ view }) {
  const { meeting, room, me } = view;
  if (!room) return null;
  const allowed = may(meeting, me, meeting.options.settings_by);
  return html`
    ${!allowed && html`<p class="quiet small aside">${t(`settings.by_${meeting.options.settings_by}`)}</p>`}
    <${Group} title=${t('deck.title')}><${Decks} view=${view} allowed=${allowed} /><//>
    <${Group} title=${t('settings.rounds')}><${Rounds} view=${view} allowed=${allowed} /><//>
    <${Group} title=${t('settings.door')}><${Door} view=${view} allowed=${allowed} /><//>
    <${Group} title=${t('settings.people')}><${People} view=${view} /><//>
    <${Group} title=${t('settings.policies')}>${policies.map((p) => html`<${Policy} key=${p} name=${p} view=${view} />`)}<//>
    ${meeting.owner === me && meeting.phase !== 'closed' && html`<${Group} title=${t('settings.end')}>
      <p class="quiet small">${t('settings.end_text')}</p>
      <button type="button" id="close-meeting" class="danger" onClick=${async () => (await ask({ title: t('ask.close'), text: t('ask.close_text'), yes: t('do.close_meeting'), danger: true })) && room.do('close')}>${t('do.close_meeting')}</button>
    <//>`}`;
}

/** @param {{ title: string, children?: any }} props */
const Group = ({ title, children }) => html`<section class="group"><h2>${title}</h2>${children}</section>`;

/** @param {{ view: View, allowed: boolean }} props */
function Rounds({ view: { meeting: { options }, room }, allowed }) {
  const set = (/** @type {any} */ change) => room?.do('set_options', change);
  return html`
    <${Switch} label=${t('options.auto_reveal')} hint=${t('options.auto_reveal_text')} checked=${options.auto_reveal} disabled=${!allowed} onChange=${(/** @type {boolean} */ on) => set({ auto_reveal: on })} />
    ${options.auto_reveal && html`<label class="line"><span>${t('options.countdown')}</span><select disabled=${!allowed} value=${String(options.countdown)} onChange=${(/** @type {any} */ e) => set({ countdown: Number(e.target.value) })}>
      ${Array.from({ length: 11 }, (_, n) => html`<option value=${String(n)}>${t('options.seconds', { n })}</option>`)}</select></label>`}
    <${Switch} label=${t('options.anonymous')} hint=${t('options.anonymous_text')} checked=${options.anonymous} disabled=${!allowed} onChange=${(/** @type {boolean} */ on) => set({ anonymous: on })} />
    <${Switch} label=${t('options.late_change')} hint=${t('options.late_change_text')} checked=${options.late_change} disabled=${!allowed} onChange=${(/** @type {boolean} */ on) => set({ late_change: on })} />`;
}

/** @param {{ view: View, allowed: boolean }} props */
function Door({ view: { meeting, room }, allowed }) {
  const ref = useRef(/** @type {any} */ (null));
  const submit = async (/** @type {Event} */ e) => {
    e.preventDefault();
    if (ref.current.value && (await room?.do('set_passcode', { passcode: ref.current.value }))) ref.current.value = '';
  };
  return html`
    <${Switch} label=${t('door.lock')} hint=${t('door.lock_text')} checked=${meeting.locked} disabled=${!allowed} onChange=${(/** @type {boolean} */ on) => room?.do(on ? 'lock' : 'unlock')} />
    <p class="line"><span><${Icon} name="lock" size=${16} /> ${t(meeting.passcode ? 'door.has_passcode' : 'door.no_passcode')}</span>
      ${allowed && meeting.passcode && html`<button type="button" onClick=${() => room?.do('set_passcode', { passcode: '' })}>${t('do.remove')}</button>`}</p>
    ${allowed && html`<form class="field" onSubmit=${submit}><input ref=${ref} id="passcode" maxlength="64" autocomplete="off" spellcheck=${false} aria-label=${t('door.passcode')} placeholder=${t('door.passcode')} /><button type="submit">${t('do.set')}</button></form>`}`;
}

/** @param {{ view: View }} props */
const People = ({ view }) => html`<ul class="members">${view.seats.map((s) => {
  const menu = s.me ? [] : actions(s, view);
  const role = [s.rank && t(`rank.${s.rank}`), t(s.spectator ? 'role.spectator' : 'role.voter'), s.away && t(s.gone ? 'seat.gone' : 'seat.away')].filter(Boolean).join(' · ');
  return html`<li key=${s.id} class=${cx(s.away && 'away')}><${Face} id=${s.id} name=${s.name} small=${true} /><span class="what"><b>${isolated(s.name)}${s.me ? ` (${t('seat.you')})` : ''}</b><small>${role}</small></span>
    ${menu.length > 0 && html`<${Popover} class="plain icon-only" label=${t('stories.more', { title: s.name })} title=${t('stories.more_short')} button=${html`<${Icon} name="more" size=${18} />`} panel="menu">${(/** @type {() => void} */ close) => menu.map(({ icon, key, danger, act }) => html`<button type="button" class=${cx('item', danger && 'danger-text')} onClick=${() => {
      close();
      act();
    }}><${Icon} name=${icon} size=${18} />${t(key)}</button>`)}<//>`}
  </li>`;
})}</ul>`;

/** @param {{ view: View, name: typeof policies[number] }} props */
const Policy = ({ view: { meeting, room, me }, name }) => html`<label class="line"><span>${t(`policy.${name}`)}</span>
  <select disabled=${meeting.owner !== me || !isFacilitator(meeting, me)} value=${meeting.options[name]} onChange=${(/** @type {any} */ e) => room?.do('set_options', { [name]: e.target.value })}>
    ${['everyone', 'facilitators', 'owner'].map((p) => html`<option value=${p}>${t(`policy.${p}`)}</option>`)}
  </select></label>`;

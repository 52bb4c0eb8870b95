// @ts-check
/** The own name and role, and what is only for oneself. */
import { t } from '../app/prefs.js';
import { go, linkFor } from '../app/route.js';
import { amVoter } from '../model/people.js';
import { Chosen } from './personal.js';
import { Icon } from './icons.js';
import { Code } from './share.js';
import { Dialog, Face, Popover, html, useState } from './kit.js';
import { ask } from '../app/notices.js';

/** @param {{ view: import('./meeting.js').View, onHelp?: () => void }} props */
export function Me({ view, onHelp }) {
  const { meeting, me, room, visit } = view;
  const [phone, setPhone] = useState(false);
  const self = meeting.members.find((o) => o.member === me);
  if (!self || !room || !visit) return null;
  const seat = view.seats.find((s) => s.me);
  const voter = amVoter(meeting, me);
  const role = seat?.rank ? t(`rank.${seat.rank}`) : t(voter ? 'role.voter' : 'role.spectator');
  const face = html`<${Face} id=${me} name=${self.name} small=${true} /><span class="hidden">${self.name}, ${role}</span><span class="me-name" aria-hidden="true"><b dir="auto">${self.name}</b><small>${role}</small></span>`;
  return html`<${Popover} class="plain self" title=${t('me.title')} button=${face} panel="me-panel">
    ${(/** @type {() => void} */ close) => html`
      <${Rename} name=${self.name} onName=${(/** @type {string} */ name) => {
        close();
        room.do('set_name', { name });
      }} />
      <button type="button" class="item" onClick=${() => {
        close();
        room.do('set_role', { role: voter ? 'spectator' : 'voter' });
      }}><${Icon} name=${voter ? 'eye' : 'hand'} />${t(voter ? 'me.watch' : 'me.vote')}</button>
      <button type="button" class="item" onClick=${() => {
        close();
        setPhone(true);
      }}><${Icon} name="phone" />${t('me.phone')}</button>
      <button type="button" class="item" onClick=${() => {
        close();
        onHelp?.();
      }}><${Icon} name="help" />${t('help.title')}</button>
      <${Chosen} />
      <button type="button" class="item" onClick=${async () => {
        close();
        if (!(await ask({ title: t('ask.leave'), text: t('ask.leave_text'), yes: t('me.leave'), danger: true }))) return;
        await visit.leave();
        go('');
      }}><${Icon} name="leave" />${t('me.leave')}</button>`}
  <//>
  ${phone && html`<${Dialog} label=${t('me.phone')} class="small" onClose=${() => setPhone(false)}>
    <h2>${t('me.phone')}</h2>
    <p class="quiet">${t('me.phone_text')}</p>
    <${Code} text=${linkFor(visit)} />
    <div class="buttons"><button type="button" onClick=${() => setPhone(false)}>${t('do.close')}</button></div>
  <//>`}`;
}

/** @param {{ name: string, onName: (name: string) => void }} props */
function Rename({ name, onName }) {
  const submit = (/** @type {any} */ e) => {
    e.preventDefault();
    const text = e.target.elements.rename.value.trim();
    if (text) onName(text);
  };
  return html`<form onSubmit=${submit}>
    <label class="hidden" for="rename">${t('join.name')}</label>
    <div class="field"><input id="rename" name="rename" dir="auto" maxlength="64" defaultValue=${name} autocomplete="off" /><button type="submit">${t('do.save')}</button></div>
  </form>`;
}

// @ts-check
/** A session of a kind without a screen of its own: members, events, and a way to say something. */
import { copy } from '../app/clipboard.js';
import { linkTo } from '../app/http.js';
import { tell } from '../app/notices.js';
import { language, t } from '../app/prefs.js';
import { Mark } from './icons.js';
import { Face, cx, html, useEffect, useLayoutEffect, useRef, useState } from './kit.js';

/** @typedef {import('../app/room.js').Entry} Entry */

/** @param {{ visit: import('../app/visit.js').Visit, now: import('../app/visit.js').Now }} props */
export function Room({ visit, now }) {
  /** @type {import('../app/room.js').Content} */
  const { members, entries, pending } = now.content;
  const room = /** @type {import('../app/room.js').PlainRoom} */ (visit.kind);
  return html`<div class="plain-room">
    <header class="bar">
      <a class="brand" href="/"><${Mark} /><span>Plenum</span></a>
      <p class="pill" id="status" role="status" data-phase=${now.phase}>${t(`phase.${now.phase}`)}</p>
    </header>
    <main id="room" class="room">
      <h1 class="hidden">${t('join.session', { session: visit.session })}</h1>
      <aside class="side"><${Link} session=${visit.session} /><${Members} members=${members} me=${now.me} /></aside>
      <section class="talk" aria-label=${t('room.events')}>
        ${now.phase === 'reconnecting' && html`<p class="banner" id="banner" role="status">${t('lost.send')}</p>`}
        <${Log} entries=${entries} pending=${pending} room=${room} me=${now.me} phase=${now.phase} />
        <${Compose} room=${room} />
      </section>
    </main>
  </div>`;
}

/** @param {{ session: string }} props */
const Link = ({ session }) => html`<section class="share">
  <h2><label for="link">${t('share.link')}</label></h2>
  <div class="field"><input id="link" readonly value=${linkTo(session)} />
    <button id="copy" type="button" onClick=${async () => (await copy(linkTo(session))) && tell(t('notice.copied'), 'good')}>${t('do.copy')}</button></div>
</section>`;

/** @param {{ members: readonly any[], me: string }} props */
function Members({ members, me }) {
  const order = (/** @type {any} */ m) => (m.member === me ? 0 : ['online', 'reconnecting', 'offline'].indexOf(m.status) + 1);
  return html`<section class="people">
    <h2>${t('room.members')} <span id="count" class="count">${members.filter((m) => m.status === 'online').length}</span></h2>
    <ul id="members">${[...members].sort((a, b) => order(a) - order(b)).map((m) => html`<li class="member" key=${m.member} data-status=${m.status}>
      <${Face} id=${m.member} name=${m.name} small=${true} /><span class="who" dir="auto" title=${m.name}>${m.name}</span><span class=${cx('is', m.member === me && 'you')}>${t(m.member === me ? 'seat.you' : `status.${m.status}`)}</span>
    </li>`)}</ul>
  </section>`;
}

/** @param {{ entries: Entry[], pending: import('../app/room.js').Pending[], room: import('../app/room.js').PlainRoom, me: string, phase: string }} props */
function Log({ entries, pending, room, me, phase }) {
  const ref = useRef(/** @type {any} */ (null));
  const following = useRef(true);
  const [newer, setNewer] = useState(false);
  const toEnd = () => {
    ref.current.scrollTop = ref.current.scrollHeight;
    following.current = true;
    setNewer(false);
  };
  useLayoutEffect(() => (following.current ? toEnd() : setNewer(true)), [entries, pending.length]);
  useEffect(() => {
    const watch = new ResizeObserver(() => following.current && toEnd());
    watch.observe(ref.current);
    return () => watch.disconnect();
  }, []);
  const onScroll = () => {
    const { scrollHeight, scrollTop, clientHeight } = ref.current;
    following.current = scrollHeight - scrollTop - clientHeight < 48;
    if (following.current) setNewer(false);
  };
  const name = room.nameOf(me) || t('seat.you');
  return html`<div class="scroll" id="scroll" tabindex="0" ref=${ref} onScroll=${onScroll}>
      <div id="log" role="log"><ol>${entries.map((e, i) => (e.line ? html`<${Line} key=${e.id} entry=${e} />` : html`<${Said} key=${e.id} entry=${e} before=${entries[i - 1]} />`))}</ol></div>
      ${entries.length === 0 && html`<p class="empty">${t('room.empty')}</p>`}
      <ol id="pending">${pending.map((m, i) => html`<li class="say mine waits" key=${i}><${Face} id=${me} name=${name} /><span class="head"><b dir="auto">${name}</b></span><span class="text" dir="auto">${m.text}</span>
        <span class="fate">${m.error ? html`${t('room.not_sent', { why: m.error })}<button type="button" onClick=${() => room.send(m)}>${t('room.again')}</button>` : t(phase === 'connected' ? 'room.sending' : 'room.waits')}</span></li>`)}</ol>
    </div>
    ${newer && html`<button class="newer" id="newer" type="button" onClick=${toEnd}>${t('room.newer')}</button>`}`;
}

/** @param {{ at: number }} props */
const Time = ({ at }) => html`<time datetime=${new Date(at).toISOString()}>${new Date(at).toLocaleTimeString(language.value, { hour: '2-digit', minute: '2-digit' })}</time>`;

/** @param {{ entry: Entry }} props */
const Line = ({ entry }) => html`<li class="line">${entry.line}${entry.code && html`<code>${entry.code}</code>`}<${Time} at=${entry.at} /></li>`;

/** @param {{ entry: Entry, before?: Entry }} props */
const Said = ({ entry, before }) => html`<li class=${cx('say', entry.mine && 'mine', before?.text && before.from === entry.from && entry.at - before.at < 120_000 && 'more')}>
  <${Face} id=${entry.from ?? ''} name=${entry.name ?? ''} /><span class="head"><b dir="auto">${entry.name}</b><${Time} at=${entry.at} /></span><span class="text" dir="auto">${entry.text}</span>
</li>`;

/** @param {{ room: import('../app/room.js').PlainRoom }} props */
function Compose({ room }) {
  const ref = useRef(/** @type {any} */ (null));
  useEffect(() => ref.current.focus(), []);
  const submit = (/** @type {Event} */ e) => {
    e.preventDefault();
    const text = ref.current.value.trim();
    if (!text) return;
    ref.current.value = '';
    room.say(text);
  };
  return html`<form class="compose" id="compose" onSubmit=${submit}>
    <label class="hidden" for="text">${t('room.say')}</label>
    <input id="text" dir="auto" ref=${ref} autocomplete="off" maxlength="4000" enterkeyhint="send" placeholder=${t('room.say')} />
    <button class="primary" type="submit">${t('do.send')}</button>
  </form>`;
}

// @ts-check
/** The start: one button makes a meeting. */
import { copy } from '../app/clipboard.js';
import { sessionIn } from '../app/http.js';
import { tell } from '../app/notices.js';
import { language, t } from '../app/prefs.js';
import { go, make } from '../app/route.js';
import { forget, recent } from '../app/storage.js';
import { Icon, Mark } from './icons.js';
import { Chosen } from './personal.js';
import { html, useEffect, useRef, useState } from './kit.js';

/** @param {{ bad: boolean }} props */
export function Home({ bad }) {
  const [note, setNote] = useState('');
  const busy = useRef(false); // a second click is the same wish
  useEffect(() => {
    document.title = 'Plenum';
  }, []);
  const begin = async (/** @type {string} */ kind) => {
    if (busy.current) return;
    busy.current = true;
    setNote('');
    let copied = Promise.resolve(false);
    const made = await make(kind, (link) => (copied = copy(link)));
    busy.current = false;
    if (made) {
      if (await copied) tell(t('notice.copied'), 'good');
    } else {
      setNote(t('home.failed'));
    }
  };
  const shown = note || (bad ? t('home.bad_link') : '');
  return html`<div class="home">
    <header class="bar">
      <a class="brand" href="/"><${Mark} /><span>Plenum</span></a>
      <${Chosen} />
    </header>
    <main id="home">
      <section class="pitch">
        <h1>${t('home.title')}</h1>
        <p class="lead">${t('home.lead')}</p>
        ${shown && html`<p class="note" id="home-note" role="alert">${shown}</p>`}
        <button class="primary large" id="create" type="button" onClick=${() => begin('estimation')}><${Icon} name="plus" />${t('home.create')}</button>
        <p class="quiet small">${t('home.hint')}</p>
        <${Elsewhere} />
        <${Recent} />
      </section>
      <${Fan} />
    </main>
    <footer class="quiet small">
      <span>${t('home.other')}</span>
      <button class="link" id="create-room" type="button" onClick=${() => begin('broadcast')}>${t('home.room')}</button>
    </footer>
  </div>`;
}

/** A few cards, held as in a hand. */
const Fan = () => html`<div class="fan" aria-hidden="true">
  ${['2', '3', '5', '8', '13'].map((n) => html`<span class="big-card"><i>${n}</i><b>${n}</b><i>${n}</i></span>`)}
</div>`;

function Elsewhere() {
  const [bad, setBad] = useState(false);
  const submit = (/** @type {any} */ e) => {
    e.preventDefault();
    const session = sessionIn(e.target.elements.where.value.trim());
    setBad(!session);
    if (session) go(session);
  };
  return html`<form class="elsewhere" onSubmit=${submit}>
    <label for="where">${t('home.join')}</label>
    <div class="field">
      <input id="where" name="where" placeholder=${t('home.join_placeholder')} autocomplete="off" autocapitalize="none" spellcheck=${false}
        aria-invalid=${bad} aria-describedby=${bad ? 'where-bad' : undefined} onInput=${() => setBad(false)} required />
      <button type="submit">${t('do.join')}</button>
    </div>
    ${bad && html`<p class="note" id="where-bad" role="alert">${t('home.bad_link')}</p>`}
  </form>`;
}

function Recent() {
  const [list, setList] = useState(recent);
  if (list.length === 0) return null;
  const when = new Intl.DateTimeFormat(language.value, { month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' });
  return html`<section class="recent" aria-labelledby="recent-title">
    <h2 id="recent-title">${t('home.recent')}</h2>
    <ul>${list.map((r) => html`<li key=${r.session}>
      <button type="button" class="plain" onClick=${() => go(r.session)}>
        <span class="what" dir="auto">${r.title || t('round.quick')}</span><span class="quiet">${when.format(r.at)}</span>
      </button>
      <button type="button" class="plain icon-only" aria-label=${t('home.forget')} title=${t('home.forget')} onClick=${() => {
        forget(r.session);
        setList(recent());
      }}><${Icon} name="x" size=${16} /></button>
    </li>`)}</ul>
  </section>`;
}

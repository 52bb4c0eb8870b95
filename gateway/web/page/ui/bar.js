// @ts-check
/** The top band: story, timer, the way to invite, the own name, the connection. */
import { t } from '../app/prefs.js';
import { may } from '../model/people.js';
import { Icon, Mark } from './icons.js';
import { Me } from './me.js';
import { Share } from './share.js';
import { Timer } from './timer.js';
import { cx, html, useLayoutEffect, useRef, useState } from './kit.js';

/** @typedef {import('./meeting.js').View} View */

const tabs = /** @type {const} */ ({ stories: 'list', history: 'history', settings: 'gear' });

/** @param {{ view: View, phase: string, replica?: string, drawer: string, onDrawer?: (tab: string) => void, onHelp?: () => void }} props */
export function Bar({ view, phase, replica, drawer, onDrawer, onHelp }) {
  return html`<header class="bar">
    <a class="brand" href="/" aria-label=${t('bar.home')} title=${t('bar.home')}><${Mark} /></a>
    <${Title} view=${view} />
    <${Timer} view=${view} />
    <div class="tools">
      ${view.visit && html`<${Share} visit=${view.visit} />`}
      <nav class="tabs" aria-label=${t('bar.drawer')}>
        ${Object.entries(tabs).map(([tab, icon]) => html`<button type="button" class=${cx('plain', drawer === tab && 'on')} aria-pressed=${drawer === tab}
          title=${t(`drawer.${tab}`)} data-tab=${tab} onClick=${() => onDrawer?.(tab)}><${Icon} name=${icon} /><span>${t(`drawer.${tab}`)}</span></button>`)}
      </nav>
      <${Me} view=${view} onHelp=${onHelp} />
      <span class="dot" id="status" data-phase=${phase} data-replica=${replica} role="img" aria-label=${t(`phase.${phase}`)} title=${`${t(`phase.${phase}`)}${replica ? ` · ${replica}` : ''}`}></span>
    </div>
  </header>`;
}

/** The story's title; a click edits it, and gives a quick vote a story. @param {{ view: View }} props */
function Title({ view: { meeting, room, me } }) {
  const { round, stories, phase } = meeting;
  const [editing, setEditing] = useState(/** @type {import('../model/types.js').Round | null} */ (null));
  const place = stories.findIndex((s) => s.id === round?.story);
  const story = stories[place];
  const mayName = room && round && may(meeting, me, meeting.options.stories_by) && (story || may(meeting, me, meeting.options.flow_by) && phase === 'voting');
  const mayEdit = mayName && (story || !round.voted?.length);
  // Votes that come meanwhile do not take the box away, and what was typed is never meant for another round.
  const box = mayName && editing && editing.round === round.round && editing.story === round.story && editing;
  const where = [round && t('round.number', { round: round.round }), place >= 0 && t('story.place', { n: place + 1, all: stories.length })].filter(Boolean).join(' · ');
  const title = round ? round.title || t('round.quick') : t('phase.closed_meeting');
  return html`<div class="title">
    <p class="over-title">${where}</p>
    ${box
      ? html`<${TitleBox} key=${box} value=${box.title} onDone=${(/** @type {string} */ text) => {
          setEditing(null);
          if (text && text !== box.title) room.name(text, box);
        }} />`
      : html`<h1>${mayEdit ? html`<button type="button" class="plain" id="title" title=${t(story ? 'story.edit' : 'story.name')} onClick=${() => setEditing(round)}><span dir="auto">${title}</span><${Icon} name="pencil" size=${15} /></button>` : html`<span id="title" dir="auto">${title}</span>`}
        ${story?.link && html`<a class="icon-only plain" href=${story.link} target="_blank" rel="noopener noreferrer" aria-label=${t('story.open', { title })} title=${story.link}><${Icon} name="link" size=${16} /></a>`}
      </h1>`}
  </div>`;
}

/** @param {{ value: string, onDone: (text: string) => void }} props */
function TitleBox({ value, onDone }) {
  const ref = useRef(/** @type {any} */ (null));
  const over = useRef(false);
  useLayoutEffect(() => {
    ref.current.select();
    return () => {
      over.current = true; // a box that is taken away loses the focus: that is not the person's doing
    };
  }, []);
  const done = (/** @type {string} */ text) => {
    if (over.current) return;
    over.current = true;
    onDone(text.trim());
  };
  return html`<input ref=${ref} class="title-box" dir="auto" maxlength="200" aria-label=${t('story.title')} placeholder=${t('story.name_placeholder')} defaultValue=${value}
    onBlur=${(/** @type {any} */ e) => done(e.target.value)}
    onKeyDown=${(/** @type {any} */ e) => {
      if (e.key === 'Enter') done(e.target.value);
      if (e.key === 'Escape') done('');
    }} />`;
}

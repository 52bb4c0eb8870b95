// @ts-check
/** The stories: what is estimated, in which order. */
import { language, t } from '../app/prefs.js';
import { may } from '../model/people.js';
import { labelOf, number, total } from '../model/results.js';
import { Exports } from './exports.js';
import { Icon } from './icons.js';
import { Import } from './import.js';
import { Popover, cx, html, useRef, useState } from './kit.js';

/** @typedef {import('../model/types.js').Story} Story */

/** @param {{ view: import('./meeting.js').View }} props */
export function Stories({ view }) {
  const { meeting, room, me } = view;
  const [importing, setImporting] = useState(false);
  const [dragged, setDragged] = useState('');
  const open = meeting.phase !== 'closed';
  const edit = Boolean(room && open && may(meeting, me, meeting.options.stories_by));
  const flow = Boolean(room && open && may(meeting, me, meeting.options.flow_by));
  const { estimated, sum } = total(meeting.stories);
  if (!room) return null;
  // Upwards a story goes before the one that it is dropped on, downwards behind it.
  const drop = (/** @type {string} */ target) => {
    const [from, to] = [dragged, target].map((id) => meeting.stories.findIndex((s) => s.id === id));
    if (from >= 0 && from !== to) room.do('move_story', { story: dragged, before: meeting.stories[from < to ? to + 1 : to]?.id });
    setDragged('');
  };
  return html`
    ${edit && html`<${Add} room=${room} onImport=${() => setImporting(true)} />`}
    ${meeting.stories.length === 0
      ? html`<div class="empty"><${Icon} name="list" size=${36} /><p class="strong">${t('stories.empty')}</p><p class="quiet">${t('stories.empty_text')}</p></div>`
      : html`<p class="quiet small sum">${t('stories.sum', { n: estimated, all: meeting.stories.length })}${sum !== undefined ? ` · ${t('stories.points', { n: number(sum, language.value) })}` : ''}</p>`}
    <ol class="stories" aria-label=${t('drawer.stories')}>
      ${meeting.stories.map((s, i) => html`<${Row} key=${s.id} story=${s} i=${i} view=${view} edit=${edit} flow=${flow} dragged=${dragged === s.id} onDrag=${setDragged} onDrop=${drop} />`)}
    </ol>
    <div class="buttons foot">
      ${flow && html`<button type="button" onClick=${() => room.start()} disabled=${!meeting.round?.story && !meeting.round?.revealed && !meeting.round?.voted?.length}>${t('round.quick')}</button>`}
      <${Exports} view=${view} />
    </div>
    ${importing && html`<${Import} room=${room} onClose=${() => setImporting(false)} />`}`;
}

/** One line adds a story; several that are pasted are several stories. @param {{ room: import('../app/meeting.js').MeetingRoom, onImport: () => void }} props */
function Add({ room, onImport }) {
  const ref = useRef(/** @type {any} */ (null));
  const submit = async (/** @type {Event} */ e) => {
    e.preventDefault();
    const title = ref.current.value.trim();
    if (!title) return;
    ref.current.value = '';
    if (!(await room.do('add_story', { title })) && ref.current) ref.current.value ||= title;
  };
  const paste = async (/** @type {ClipboardEvent} */ e) => {
    const lines = e.clipboardData?.getData('text') ?? '';
    if (ref.current.value || lines.trim().split('\n').length < 2) return;
    e.preventDefault();
    await room.do('import_stories', { lines });
  };
  return html`<form class="add" onSubmit=${submit}>
    <div class="field">
      <input ref=${ref} id="add-story" dir="auto" maxlength="200" autocomplete="off" aria-label=${t('stories.add')} placeholder=${t('stories.add')} onPaste=${paste} enterkeyhint="done" />
      <button type="submit" class="primary icon-only" aria-label=${t('stories.add')} title=${t('stories.add')}><${Icon} name="plus" /></button>
    </div>
    <button type="button" class="link" id="import" onClick=${onImport}><${Icon} name="upload" size=${16} />${t('import.title')}</button>
  </form>`;
}

/** @param {{ story: Story, i: number, view: import('./meeting.js').View, edit: boolean, flow: boolean, dragged: boolean, onDrag: (id: string) => void, onDrop: (target: string) => void }} props */
function Row({ story, i, view, edit, flow, dragged, onDrag, onDrop }) {
  const { meeting, room } = view;
  const [editing, setEditing] = useState(false);
  const [over, setOver] = useState(false);
  const now = meeting.round?.story === story.id;
  if (!room) return null;
  if (editing) return html`<li class="story editing"><${Edit} story=${story} room=${room} onClose=${() => setEditing(false)} /></li>`;
  return html`<li class=${cx('story', now && 'current', dragged && 'dragged', over && 'drop')} data-story=${story.id} aria-current=${now ? 'step' : undefined} draggable=${edit}
    onDragStart=${(/** @type {DragEvent} */ e) => {
      e.dataTransfer?.setData('text/plain', story.title);
      onDrag(story.id);
    }} onDragEnd=${() => onDrag('')}
    onDragOver=${(/** @type {DragEvent} */ e) => {
      e.preventDefault();
      setOver(true);
    }} onDragLeave=${() => setOver(false)} onDrop=${() => {
      setOver(false);
      onDrop(story.id);
    }}>
    <span class="place">${i + 1}</span>
    <span class="what" dir="auto">${story.link ? html`<a href=${story.link} target="_blank" rel="noopener noreferrer">${story.title}</a>` : story.title}
      ${now && html`<small>${t('stories.now')}</small>`}</span>
    <b class=${cx('points', !story.estimate && 'none')} title=${t('stories.estimate')}>${story.estimate ? html`<span class="hidden">${t('stories.estimate')} </span>${labelOf(story.estimate.value)}` : html`<span class="hidden">${t('stories.no_estimate')}</span>–`}</b>
    ${flow && !now ? html`<button type="button" class="plain icon-only" aria-label=${t('stories.start', { title: story.title })} title=${t('stories.start_short')} onClick=${() => room.start(story.id)}><${Icon} name="play" size=${18} /></button>` : html`<span class="space"></span>`}
    ${edit && html`<${Popover} class="plain icon-only" label=${t('stories.more', { title: story.title })} title=${t('stories.more_short')} button=${html`<${Icon} name="more" size=${18} />`} panel="menu">
      ${(/** @type {() => void} */ close) => items(story, i, view, () => setEditing(true)).map(({ icon, key, off, danger, act }) => html`<button type="button" class=${cx('item', danger && 'danger-text')} disabled=${off} onClick=${() => {
        close();
        act();
      }}><${Icon} name=${icon} size=${18} />${t(key)}</button>`)}
    <//>`}
  </li>`;
}

/**
 * @param {Story} story
 * @param {number} i
 * @param {import('./meeting.js').View} view
 * @param {() => void} onEdit
 */
function items(story, i, { meeting: { stories }, room }, onEdit) {
  const move = (/** @type {string | undefined} */ before) => room?.do('move_story', { story: story.id, before });
  return [
    { icon: 'pencil', key: 'do.edit', act: onEdit },
    { icon: 'up', key: 'stories.up', off: i === 0, act: () => move(stories[i - 1]?.id) },
    { icon: 'down', key: 'stories.down', off: i === stories.length - 1, act: () => move(stories[i + 2]?.id) },
    { icon: 'trash', key: 'do.remove', danger: true, act: () => room?.do('remove_story', { story: story.id }) },
  ];
}

/** @param {{ story: Story, room: import('../app/meeting.js').MeetingRoom, onClose: () => void }} props */
function Edit({ story, room, onClose }) {
  const submit = async (/** @type {any} */ e) => {
    e.preventDefault();
    const { title, link } = e.target.elements;
    if (await room.do('edit_story', { story: story.id, title: title.value.trim(), link: link.value.trim() })) onClose();
  };
  return html`<form onSubmit=${submit} onKeyDown=${(/** @type {KeyboardEvent} */ e) => {
    if (e.key !== 'Escape') return;
    e.preventDefault();
    onClose();
  }}>
    <input name="title" dir="auto" maxlength="200" required defaultValue=${story.title} aria-label=${t('story.title')} placeholder=${t('story.title')} />
    <input name="link" type="url" maxlength="500" defaultValue=${story.link ?? ''} aria-label=${t('story.link')} placeholder=${t('story.link')} pattern="https?://.+" />
    <div class="buttons"><button type="submit" class="primary">${t('do.save')}</button><button type="button" onClick=${onClose}>${t('do.cancel')}</button></div>
  </form>`;
}

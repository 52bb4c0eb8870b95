// @ts-check
/** Reactions rise from whoever sent them. */
import { t } from '../app/prefs.js';
import { Icon } from './icons.js';
import { Popover, html } from './kit.js';

const EMOJI = ['👍', '👏', '🎉', '😂', '😮', '🤔', '❤️', '☕'];

/**
 * The latest reaction of each person.
 * @param {import('./meeting.js').View} view
 * @returns {Map<string, import('../app/meeting.js').Reaction>}
 */
export const reactionsBy = ({ content }) => new Map(content.reactions.map((r) => [r.from, r]));

/** @param {{ room: import('../app/meeting.js').MeetingRoom }} props */
export const Reactions = ({ room }) => html`<div class="react">
  <${Popover} class="plain icon-only" label=${t('react.title')} button=${html`<${Icon} name="smile" size=${22} />`} panel="emoji">
    ${() => EMOJI.map((emoji) => html`<button type="button" class="plain icon-only" key=${emoji} aria-label=${t('react.send', { emoji })} onClick=${() => room.do('react', { emoji })}>${emoji}</button>`)}
  <//>
</div>`;

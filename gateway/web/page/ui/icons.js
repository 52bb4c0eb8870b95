// @ts-check
/** Icons, drawn on 24 by 24. */
import { html } from './kit.js';

/** @type {Record<string, string[]>} */
const paths = {
  bell: ['M6 10a6 6 0 0 1 12 0c0 5 2 6 2 6H4s2-1 2-6', 'M10 20a2 2 0 0 0 4 0'],
  check: ['m5 12.5 4.5 4.5L19 7.5'],
  chevron: ['m9 6 6 6-6 6'],
  clock: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18', 'M12 7.5V12l3 2'],
  coffee: ['M4 9h13v6a5 5 0 0 1-5 5H9a5 5 0 0 1-5-5z', 'M17 10.5h1.5a2.5 2.5 0 0 1 0 5H17', 'M8 3v2.5M12.5 3v2.5'],
  copy: ['M9 9h10v11H9z', 'M15 9V4H5v11h4'],
  crown: ['M4 18h16', 'M4 7.5 8 11l4-6 4 6 4-3.5-1.5 7.5h-13z'],
  down: ['M12 5v14', 'm6 13 6 6 6-6'],
  download: ['M12 4v11', 'm7 11 5 5 5-5', 'M5 20h14'],
  eye: ['M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12', 'M12 14.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6'],
  gear: ['M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6', 'M12 2.8v2.7M12 18.5v2.7M21.2 12h-2.7M5.5 12H2.8M18.5 5.5l-1.9 1.9M7.4 16.6l-1.9 1.9M18.5 18.5l-1.9-1.9M7.4 7.4 5.5 5.5'],
  globe: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18', 'M3 12h18', 'M12 3c2.5 2.5 3.5 5.5 3.5 9s-1 6.5-3.5 9c-2.5-2.5-3.5-5.5-3.5-9s1-6.5 3.5-9'],
  hand: ['M8 12V5.5a1.5 1.5 0 0 1 3 0V11m0-6.5a1.5 1.5 0 0 1 3 0V11m0-4.5a1.5 1.5 0 0 1 3 0V14c0 4-2.5 7-6 7-2.5 0-4-1-5.5-3.5L3.7 14a1.5 1.5 0 0 1 2.5-1.6L8 14.5'],
  help: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18', 'M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7', 'M12 16.7v.1'],
  history: ['M4 12a8 8 0 1 0 2.5-5.8L4 8.5', 'M4 4v4.5h4.5', 'M12 8v4.3l3 1.7'],
  leave: ['M14 4H6v16h8', 'M10.5 12H21', 'm17.5 8.5 3.5 3.5-3.5 3.5'],
  link: ['M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1', 'M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1'],
  list: ['M9 6h11M9 12h11M9 18h11', 'M4.5 6v.1M4.5 12v.1M4.5 18v.1'],
  lock: ['M6 11h12v9H6z', 'M8.5 11V8a3.5 3.5 0 0 1 7 0v3'],
  more: ['M6 12v.1M12 12v.1M18 12v.1'],
  pause: ['M8.5 6v12M15.5 6v12'],
  pencil: ['m5 19 1-4L16 5l3 3L9 18z', 'm14 7 3 3'],
  phone: ['M7.5 3h9v18h-9z', 'M11 18h2'],
  play: ['M8 5.5v13l10-6.5z'],
  plus: ['M12 5v14M5 12h14'],
  redo: ['M20 12a8 8 0 1 1-2.5-5.8L20 8.5', 'M20 4v4.5h-4.5'],
  share: ['M15 8.5a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0', 'M4.5 20c.5-4 3.5-6 7-6 1.3 0 2.5.3 3.5.8', 'M19 14v6M16 17h6'],
  smile: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18', 'M8 14c1 1.8 2.4 2.7 4 2.7s3-.9 4-2.7', 'M9 9.5v.1M15 9.5v.1'],
  star: ['m12 4 2.4 5 5.6.7-4.1 3.8 1.1 5.5-5-2.8L7 19l1.1-5.5L4 9.7 9.6 9z'],
  stop: ['M7 7h10v10H7z'],
  trash: ['M5 7h14', 'M9.5 7V4.5h5V7', 'M7 7l.8 13h8.4L17 7', 'M10.5 10.5v6M13.5 10.5v6'],
  up: ['M12 19V5', 'm6 11 6-6 6 6'],
  upload: ['M12 16V5', 'm7 9 5-5 5 5', 'M5 20h14'],
  wifi: ['M4 4l16 16', 'M8.5 15.5a5 5 0 0 1 5.5-1M5.5 12a9 9 0 0 1 4-2.5M14 9.2a9 9 0 0 1 4.5 2.8M12 19v.1'],
  x: ['M6 6l12 12M18 6 6 18'],
};

/** @param {{ name: keyof typeof paths, size?: number }} props */
export const Icon = ({ name, size = 20 }) => html`<svg class="icon" viewBox="0 0 24 24" width=${size} height=${size} aria-hidden="true"
  fill="none" stroke="currentColor" stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round">${paths[name].map((d) => html`<path d=${d} />`)}</svg>`;

/** The mark of Plenum: people around a table. @param {{ size?: number }} props */
export const Mark = ({ size = 30 }) => html`<img src="/icon.svg" alt="" width=${size} height=${size} />`;

/**
 * What stands on a card. Coffee is drawn: not every machine has it in a font.
 * @param {{ id: string, label: string }} props
 */
export const CardLabel = ({ id, label }) =>
  id === 'coffee' ? html`<${Icon} name="coffee" size=${'1.15em'} />` : html`<span class="label" data-long=${label.length > 2 || undefined} data-longer=${label.length > 4 || undefined}>${label}</span>`;

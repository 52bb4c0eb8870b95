// @ts-check
/** Stories from elsewhere: a list of lines, or CSV. */
import { t } from '../app/prefs.js';
import { looksLikeCSV } from '../model/lines.js';
import { Icon } from './icons.js';
import { Dialog, html, useRef, useState } from './kit.js';

/** @param {{ room: import('../app/meeting.js').MeetingRoom, onClose: () => void }} props */
export function Import({ room, onClose }) {
  const [text, setText] = useState('');
  const [format, setFormat] = useState('');
  const [why, setWhy] = useState('');
  const busy = useRef(false); // a second click is not a second import
  const as = format || (looksLikeCSV(text) ? 'csv' : 'lines');
  const write = (/** @type {string} */ now) => {
    setText(now);
    setWhy('');
  };
  const file = async (/** @type {any} */ e) => {
    const [chosen] = e.target.files;
    if (!chosen) return;
    write(await chosen.text());
    setFormat(/\.(csv|tsv)$/i.test(chosen.name) ? 'csv' : '');
    e.target.value = '';
  };
  const submit = async (/** @type {Event} */ e) => {
    e.preventDefault();
    if (!text.trim() || busy.current) return;
    busy.current = true;
    const refused = await room.asked('import_stories', { [as]: text });
    busy.current = false;
    if (refused === undefined) onClose();
    else setWhy(refused);
  };
  return html`<${Dialog} label=${t('import.title')} onClose=${onClose}>
    <form onSubmit=${submit} class="import">
      <header class="dialog-head"><h2>${t('import.title')}</h2><button type="button" class="plain icon-only" aria-label=${t('do.close')} onClick=${onClose}><${Icon} name="x" /></button></header>
      <label class="quiet" for="import-text">${t('import.text')}</label>
      <textarea dir="auto" id="import-text" rows="9" value=${text} spellcheck=${false} placeholder=${t('import.placeholder')} aria-invalid=${Boolean(why)} aria-describedby=${why ? 'import-why' : undefined} onInput=${(/** @type {any} */ e) => write(e.target.value)}></textarea>
      ${why && html`<p class="note" id="import-why" role="alert">${why}</p>`}
      <label class="file"><${Icon} name="upload" size=${18} />${t('import.file')}<input type="file" class="hidden" accept=".csv,.tsv,.txt,text/csv,text/plain" onChange=${file} /></label>
      <fieldset class="segments"><legend class="hidden">${t('import.format')}</legend>
        ${['lines', 'csv'].map((id) => html`<label><input type="radio" name="format" value=${id} checked=${as === id} onChange=${() => setFormat(id)} /><span>${t(`import.${id}`)}</span></label>`)}
      </fieldset>
      <p class="quiet small">${t(`import.${as}_text`)}</p>
      <div class="buttons"><button type="submit" class="primary" disabled=${!text.trim()}>${t('import.do')}</button><button type="button" onClick=${onClose}>${t('do.cancel')}</button></div>
    </form>
  <//>`;
}

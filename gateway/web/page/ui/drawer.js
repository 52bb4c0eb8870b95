// @ts-check
/** The drawer: stories, history, settings. */
import { t } from '../app/prefs.js';
import { History } from './history.js';
import { Icon } from './icons.js';
import { Settings } from './settings.js';
import { Stories } from './stories.js';
import { cx, html, useLayoutEffect, useRef } from './kit.js';

const tabs = /** @type {const} */ (['stories', 'history', 'settings']);
const panels = { stories: Stories, history: History, settings: Settings };

/** @param {{ view: import('./meeting.js').View, tab: string, onTab: (tab: string) => void, onClose: () => void }} props */
export function Drawer({ view, tab, onTab, onClose }) {
  const ref = useRef(/** @type {any} */ (null));
  useLayoutEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    ref.current.focus();
    return () => before?.isConnected && before.focus();
  }, []);
  const onKeyDown = (/** @type {KeyboardEvent} */ e) => e.key === 'Escape' && !e.defaultPrevented && onClose();
  const Panel = panels[/** @type {'stories'} */ (tab)];
  return html`<aside class="drawer" aria-label=${t('bar.drawer')} tabindex="-1" ref=${ref} onKeyDown=${onKeyDown}>
    <header>
      <div class="tablist" role="tablist" onKeyDown=${(/** @type {KeyboardEvent} */ e) => {
        const by = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
        if (!by) return;
        const to = tabs[(tabs.indexOf(/** @type {any} */ (tab)) + by + tabs.length) % tabs.length];
        onTab(to);
        ref.current.querySelector(`#tab-${to}`).focus();
      }}>
        ${tabs.map((id) => html`<button type="button" role="tab" key=${id} id=${`tab-${id}`} class=${cx('plain', id === tab && 'on')} aria-selected=${id === tab} aria-controls="drawer-panel" tabindex=${id === tab ? 0 : -1} onClick=${() => onTab(id)}>${t(`drawer.${id}`)}</button>`)}
      </div>
      <button type="button" class="plain icon-only" id="close-drawer" aria-label=${t('do.close')} title=${t('do.close')} onClick=${onClose}><${Icon} name="x" /></button>
    </header>
    <div class="drawer-panel" id="drawer-panel" role="tabpanel" aria-labelledby=${`tab-${tab}`} tabindex="0"><${Panel} key=${tab} view=${view} /></div>
  </aside>`;
}

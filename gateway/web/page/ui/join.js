// @ts-check
/** The name box: one field, and what the session asks for besides. */
import { t } from '../app/prefs.js';
import { kept } from '../app/storage.js';
import { Mark } from './icons.js';
import { html, useLayoutEffect, useRef, useState } from './kit.js';

/**
 * @param {{ session: string, created?: boolean, meeting?: boolean, passcode?: string, onJoin: (who: { name: string, role?: string, passcode?: string }) => void }} props
 */
export function Join({ session, created, meeting, passcode, onJoin }) {
  const ref = useRef(/** @type {any} */ (null));
  const [watch, setWatch] = useState(false);
  useLayoutEffect(() => {
    const { name, code } = ref.current.elements;
    if (code) code.focus();
    else name.select(); // and focuses
  }, []);
  const submit = (/** @type {Event} */ e) => {
    e.preventDefault();
    const { name, code } = ref.current.elements;
    const text = name.value.trim();
    if (text) onJoin({ name: text, role: watch ? 'spectator' : undefined, passcode: code?.value });
    else name.focus();
  };
  return html`<main id="join" class=${meeting ? 'center over' : 'center'}>
    <form class="card" id="join-form" ref=${ref} onSubmit=${submit}>
      <div class="card-head"><${Mark} size=${40} /><div>
        <h1>${t(created ? 'join.title_new' : 'join.title')}</h1>
        <p class="quiet small" id="join-session">${t('join.session', { session })}</p>
      </div></div>
      <label for="name">${t('join.name')}</label>
      <input id="name" name="name" dir="auto" maxlength="64" required autocomplete="nickname" enterkeyhint="go" placeholder=${t('join.placeholder')} defaultValue=${kept('name') ?? ''} />
      ${passcode && html`<label for="code">${t('join.passcode')}</label>
        <input id="code" name="code" type="password" maxlength="64" required autocomplete="off" enterkeyhint="go"
          aria-invalid=${passcode === 'passcode_wrong'} aria-describedby="code-note" />
        <p class="note" id="code-note" role="alert">${t(`error.${passcode}`)}</p>`}
      <button class="primary large" type="submit">${t('do.join')}</button>
      ${meeting && html`<label class="check"><input type="checkbox" checked=${watch} onChange=${(/** @type {any} */ e) => setWatch(e.target.checked)} />${t('join.watch')}</label>`}
    </form>
  </main>`;
}

// @ts-check
/** The page: a start, or a session. The session stands in the address. */
import { h, render } from './vendor/preact.js';
import { App } from './ui/app.js';

render(h(App, {}), /** @type {HTMLElement} */ (document.getElementById('app')));

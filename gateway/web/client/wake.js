// @ts-check

/**
 * Calls wake when a page comes back or its network changes: a socket can look
 * open and be dead then, and the timers of a hidden page are slow. It calls
 * sleep when the page is left: a browser may keep it, frozen, with its sockets
 * open, for the case that somebody goes back. It returns what ends this.
 * @param {import('./index.js').Page | null} page
 * @param {(network: boolean) => void} wake
 * @param {() => void} sleep
 */
export function watchPage(page, wake, sleep) {
  const end = new AbortController();
  const options = { signal: end.signal };
  if (page?.addEventListener) {
    page.addEventListener('online', () => wake(true), options);
    page.addEventListener('offline', () => wake(true), options);
    page.addEventListener('pagehide', sleep, options);
    page.addEventListener('pageshow', () => wake(false), options);
    page.document?.addEventListener('resume', () => wake(false), options);
    page.document?.addEventListener(
      'visibilitychange',
      () => page.document?.visibilityState === 'visible' && wake(false),
      options,
    );
  }
  return () => end.abort();
}

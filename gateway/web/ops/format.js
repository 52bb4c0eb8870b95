// Figures as a person reads them.

const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export const count = (n) => (Math.abs(n) < 10_000 ? Math.round(n).toLocaleString('en') : short.format(n));

export const rate = (n) => (n > 0 && n < 10 ? n.toFixed(1) : count(n));

export const percent = (share) => (share * 100).toFixed(share > 0.995 || share < 0.005 ? 1 : 0).replace(/\.0$/, '') + ' %';

/** Milliseconds. */
export const ms = (n) => (n < 10 ? n.toFixed(1) + ' ms' : n < 1000 ? Math.round(n) + ' ms' : (n / 1000).toFixed(1) + ' s');

export function bytes(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return (n < 10 && i > 0 ? n.toFixed(1) : Math.round(n)) + ' ' + units[i];
}

/** How long ago, or for how long, from milliseconds. */
export function span(n) {
  const s = Math.max(0, Math.round(n / 1000)); // this machine's clock may be behind
  if (s < 90) return s + ' s';
  if (s < 5400) return Math.round(s / 60) + ' min';
  if (s < 129_600) return Math.round(s / 3600) + ' h';
  return Math.round(s / 86_400) + ' days';
}

export const clock = (at) => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const words = (label) => label.replaceAll('_', ' ');

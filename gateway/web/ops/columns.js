// A distribution as columns, one for each bucket that has something between the
// first and the last; and bars of figures by name.

import { draw, make } from './dom.js';
import { count, ms, percent, words } from './format.js';

/** The upper bounds of the gateway's buckets, in ms: see fanout/latency. */
const bounds = [0.1, 1, 10, 100, 1000, 10_000].flatMap((decade) => [1, 1.5, 2, 3, 5, 7].map((m) => m * decade));

export class Columns {
  constructor(parent, title, about) {
    this.svg = draw('svg', { viewBox: '0 0 300 100', preserveAspectRatio: 'none', role: 'img', 'aria-label': title });
    this.plot = make('div', { className: 'plot' }, this.svg);
    this.legend = make('p', { className: 'legend' });
    this.element = make('figure', { className: 'chart c0', title: about }, make('h2', {}, title), this.plot, this.legend);
    this.element.style.margin = '0';
    parent.append(this.element);
  }

  /** @param {{ count: number, mean: number, p50: number, p99: number, max: number, buckets: number[] }} d */
  show(d) {
    for (const old of this.plot.querySelectorAll('.tick, .empty')) old.remove();
    const first = d.buckets.findIndex((n) => n > 0);
    if (first < 0) {
      this.svg.replaceChildren();
      this.plot.append(make('p', { className: 'empty' }, 'Nothing in the last minute'));
      this.legend.textContent = '';
      return;
    }
    const shown = d.buckets.slice(first);
    const most = Math.max(...shown);
    const wide = 300 / shown.length;
    this.svg.replaceChildren(...shown.map((n, i) => {
      const column = draw('rect', { class: 'column', x: i * wide + wide * 0.08, width: wide * 0.84, y: 100 - (n / most) * 100, height: (n / most) * 100 });
      column.append(draw('title', {}, `up to ${this.bound(first + i)}: ${percent(n / d.count)}`));
      return column;
    }));
    const ends = [['left', first > 0 ? this.bound(first - 1) : '0'], ['right', this.bound(first + shown.length - 1)]];
    for (const [side, text] of ends) {
      const tick = make('span', { className: 'tick' }, text);
      tick.style[side] = '0';
      tick.style.bottom = '0';
      this.plot.append(tick);
    }
    this.legend.replaceChildren(...[['half within', d.p50], ['99 % within', d.p99], ['longest', d.max]].map(([name, n]) =>
      make('span', {}, `${name} `, make('b', {}, ms(n)))));
  }

  bound(i) { return i < bounds.length ? ms(bounds[i]) : 'more'; }
}

export class Bars {
  constructor(parent, title, about, none) {
    this.none = none;
    this.list = make('ol', { className: 'bars' });
    this.plot = make('div', { className: 'plot' }, this.list);
    this.element = make('figure', { className: 'chart', title: about }, make('h2', {}, title), this.plot);
    this.element.style.margin = '0';
    parent.append(this.element);
  }

  /** @param {[string, number][]} figures by name; those that are 0 are left out */
  show(figures) {
    for (const old of this.plot.querySelectorAll('.empty')) old.remove();
    const shown = figures.filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]).slice(0, 6);
    if (shown.length === 0) this.plot.append(make('p', { className: 'empty' }, this.none));
    const most = Math.max(...shown.map(([, n]) => n));
    this.list.replaceChildren(...shown.map(([name, n]) => make('li', {},
      make('span', { className: 'label', title: words(name) }, words(name)), meter(n / most), make('b', { className: 'number' }, count(n)))));
  }
}

/** A bar from 0 to 1, of the colour of good, warn or bad. */
export function meter(share, look = '') {
  const fill = make('i');
  fill.style.width = `${Math.min(100, Math.max(0, share * 100)).toFixed(1)}%`;
  return make('span', { className: `meter ${look}` }, fill);
}

// A chart of lines, or of areas on each other, over time. The newest is at the right.

import { draw, make } from './dom.js';
import { KEPT } from './feed.js';
import { span } from './format.js';

const WIDE = 300;
const HIGH = 100;

/** The next round number, for the top of a scale. */
export function roundUp(n) {
  if (n <= 0) return 1;
  const digit = 10 ** Math.floor(Math.log10(n));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((m) => m * digit).find((m) => m >= n - 1e-9);
}

export class Chart {
  /**
   * @param {HTMLElement} parent
   * @param {{ title: string, about?: string, format: (n: number) => string, stacked?: boolean, least?: number, limit?: number }} options
   */
  constructor(parent, options) {
    this.options = options;
    this.svg = draw('svg', { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': options.title });
    this.plot = make('div', { className: 'plot' }, this.svg);
    this.legend = make('p', { className: 'legend' });
    this.element = make('figure', { className: 'chart', title: options.about ?? '' }, make('h2', {}, options.title), this.plot, this.legend);
    this.element.style.margin = '0';
    parent.append(this.element);
    this.plot.addEventListener('pointermove', (e) => this.point(e));
    this.plot.addEventListener('pointerleave', () => this.point(null));
  }

  /** @param {{ name: string, values: (number | null)[] }[]} series of equal length, the newest last @param {number[]} times */
  show(series, times) {
    this.series = series;
    this.times = times;
    this.render();
  }

  point(event) {
    const box = this.plot.getBoundingClientRect();
    this.at = event && this.times ? Math.round(((event.clientX - box.left) / box.width) * (KEPT - 1)) - (KEPT - this.times.length) : null;
    if (this.times) this.render();
  }

  render() {
    const { series, times, options } = this;
    const tops = this.stack(series);
    const most = Math.max(options.least ?? 0, ...tops.flat().filter((n) => n !== null), 0);
    const top = roundUp(most);
    const x = (i) => ((KEPT - times.length + i) / (KEPT - 1)) * WIDE;
    const y = (n) => HIGH - (n / top) * HIGH;
    const shapes = [0, 0.5, 1].map((share) => draw('line', { class: 'rule', x1: 0, x2: WIDE, y1: HIGH * share, y2: HIGH * share }));
    if (options.limit && options.limit <= top) shapes.push(draw('line', { class: 'limit', x1: 0, x2: WIDE, y1: y(options.limit), y2: y(options.limit) }));
    for (let s = series.length - 1; s >= 0; s--) shapes.push(...this.shapesOf(s, tops, x, y));
    const chosen = this.at !== null && this.at >= 0 && this.at < times.length ? this.at : times.length - 1;
    if (this.at !== null && chosen === this.at) shapes.push(draw('line', { class: 'cursor', x1: x(chosen), x2: x(chosen), y1: 0, y2: HIGH }));
    this.svg.replaceChildren(...shapes);
    this.ticks(top, times, chosen);
    this.legend.replaceChildren(...series.map(({ name, values }, s) => make('span', {},
      make('i', { className: `swatch c${s % 8}` }), `${name} `, make('b', {}, values[chosen] === null ? '–' : options.format(values[chosen] ?? 0)))));
  }

  /** The upper edge of each series. */
  stack(series) {
    if (!this.options.stacked) return series.map((s) => s.values);
    const sum = [];
    return series.map((s) => s.values.map((n, i) => (sum[i] = (sum[i] ?? 0) + (n ?? 0))));
  }

  shapesOf(s, tops, x, y) {
    const points = tops[s].map((n, i) => (n === null ? null : `${x(i).toFixed(1)} ${y(n).toFixed(1)}`));
    const line = points.map((p, i) => (p === null ? '' : (i === 0 || points[i - 1] === null ? 'M' : 'L') + p)).join('');
    if (!line) return [];
    const shapes = [draw('path', { class: `line c${s % 8}`, d: line })];
    if (this.options.stacked) {
      const last = tops[s].length - 1;
      const floor = s === 0 ? `L${x(last)} ${HIGH}L${x(0)} ${HIGH}` : tops[s - 1].map((n, i) => `L${x(i).toFixed(1)} ${y(n).toFixed(1)}`).reverse().join('');
      shapes.unshift(draw('path', { class: `area c${s % 8}`, d: `${line}${floor}Z` }));
    }
    return shapes;
  }

  ticks(top, times, chosen) {
    for (const old of this.plot.querySelectorAll('.tick')) old.remove();
    const tick = (text, side, edge) => {
      const e = make('span', { className: 'tick' }, text);
      e.style[side] = '0';
      e.style[edge] = '0';
      this.plot.append(e);
    };
    tick(this.options.format(top), 'left', 'top');
    const ago = times.length ? Date.now() - times[chosen] : 0;
    tick(this.at !== null && ago > 3000 ? `${span(ago)} ago` : 'now', 'right', 'bottom');
    tick('5 min ago', 'left', 'bottom');
  }
}

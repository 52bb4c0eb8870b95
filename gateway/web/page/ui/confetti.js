// @ts-check
/** Confetti, when everybody agrees. It falls once, and harms no click. */
import { calm, html, useEffect, useRef } from './kit.js';

const PIECES = 120;
const LASTS = 2600;
const COLOURS = ['#6d5ef6', '#f5a524', '#22b07d', '#f0567a', '#3aa0f3'];

export function Confetti() {
  const ref = useRef(/** @type {any} */ (null));
  useEffect(() => (calm() ? undefined : rain(ref.current)), []);
  return calm() ? null : html`<canvas class="confetti" ref=${ref} aria-hidden="true"></canvas>`;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns what ends it
 */
function rain(canvas) {
  const draw = canvas.getContext('2d');
  if (!draw) return undefined;
  const [w, h] = [(canvas.width = innerWidth), (canvas.height = innerHeight)];
  const pieces = Array.from({ length: PIECES }, (_, i) => ({
    x: w / 2, y: h * 0.35, dx: (Math.random() - 0.5) * w * 0.9, dy: -h * (0.25 + Math.random() * 0.55),
    turn: Math.random() * 7, spin: (Math.random() - 0.5) * 14, size: 6 + Math.random() * 6, colour: COLOURS[i % COLOURS.length],
  }));
  const began = performance.now();
  let frame = requestAnimationFrame(function step(now) {
    const s = (now - began) / 1000;
    draw.clearRect(0, 0, w, h);
    draw.globalAlpha = Math.max(0, Math.min(1, (LASTS / 1000 - s) * 2));
    for (const p of pieces) {
      const drag = 1 - Math.exp(-2.2 * s);
      draw.setTransform(Math.cos(p.turn + p.spin * s), Math.sin(p.turn + p.spin * s), 0, 1, p.x + p.dx * drag, p.y + p.dy * drag + h * 0.42 * s * s);
      draw.fillStyle = p.colour;
      draw.fillRect(-p.size / 2, -p.size / 3, p.size, p.size * 0.66);
      draw.setTransform(1, 0, 0, 1, 0, 0);
    }
    if (s * 1000 < LASTS) frame = requestAnimationFrame(step);
    else draw.clearRect(0, 0, w, h);
  });
  return () => cancelAnimationFrame(frame);
}

// @ts-check
/**
 * Whether a text looks like CSV and not like a list of titles: every line has as
 * many separators as the first, or the first names columns.
 * @param {string} text
 */
export function looksLikeCSV(text) {
  const lines = text.trim().split(/\r?\n/).filter(Boolean);
  const first = lines[0] ?? '';
  if (/(^|[,;\t"])\s*(title|summary|story|标题|故事|名称)\s*($|[,;\t"])/i.test(first) && /[,;\t]/.test(first)) return true;
  const count = (/** @type {string} */ line, /** @type {string} */ separator) => line.split(separator).length - 1;
  return lines.length > 1 && [';', '\t'].some((s) => count(first, s) > 0 && lines.every((line) => count(line, s) === count(first, s)));
}

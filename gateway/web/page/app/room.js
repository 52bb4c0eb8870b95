// @ts-check
/** A session of another kind: who is there, and what happened, as a list. */
import { Members } from '../client/dist/plenum.min.js';
import { t } from './prefs.js';
import { refusal } from './refusal.js';

/** Entries kept on the page. */
const MOST = 500;

/**
 * @typedef {{ text: string, error: string }} Pending
 * @typedef {object} Entry
 * @property {number} id
 * @property {number} at
 * @property {string} [line]
 * @property {string} [code]
 * @property {string} [text]
 * @property {string} [from]
 * @property {string} [name]
 * @property {boolean} [mine]
 *
 * @typedef {{ members: readonly any[], entries: Entry[], pending: Pending[] }} Content
 */

export class PlainRoom {
  #visit;
  #members = new Members();
  /** @type {Map<string, string>} */
  #names = new Map();
  /** @type {Entry[]} */
  #entries = [];
  /** @type {Pending[]} */
  #pending = [];
  #begun = false;
  #count = 0;

  /** @param {import('./visit.js').Visit} visit */
  constructor(visit) {
    this.#visit = visit;
    this.#draw();
  }

  /** @param {import('../client/dist/plenum.min.js').State} state */
  state({ members }) {
    this.#members.replace(members);
    if (this.#begun) this.#add({ at: Date.now(), line: t('room.missing') });
    this.#begun = true;
    this.#draw();
  }

  /** @param {import('../client/dist/plenum.min.js').Event[]} events @param {string} me */
  events(events, me) {
    for (const e of events) this.#add(this.#entry(e, me));
    this.#draw();
  }

  note() {}

  /** @param {string} text */
  say(text) {
    return this.send({ text, error: '' });
  }

  /** @param {Pending} message also one that was refused before */
  async send(message) {
    message.error = '';
    this.#pending = [...this.#pending.filter((m) => m !== message), message];
    this.#draw();
    try {
      await this.#visit.publish('chat.message', { text: message.text });
      this.#pending = this.#pending.filter((m) => m !== message);
    } catch (e) {
      message.error = refusal(e, t);
    }
    this.#draw();
  }

  /** @param {string | undefined} member also of one who has left */
  nameOf(member) {
    return this.#members.get(member)?.name ?? this.#names.get(member ?? '') ?? '';
  }

  #draw() {
    this.#visit.draw({ members: this.#members.list, entries: this.#entries, pending: [...this.#pending] });
  }

  /** @param {Omit<Entry, 'id'>} entry */
  #add(entry) {
    this.#entries = [...this.#entries, { id: ++this.#count, ...entry }].slice(-MOST);
  }

  /**
   * Applies an event, and says what is to be shown of it.
   * @param {import('../client/dist/plenum.min.js').Event} e
   * @param {string} me
   * @returns {Omit<Entry, 'id'>}
   */
  #entry({ event, data, from, at }, me) {
    const before = this.nameOf(data?.member);
    if (this.#members.apply({ event, data })) {
      if (data.name) this.#names.set(data.member, data.name);
      return { at, line: sentence(event, data, before || data.name) };
    }
    if (event === 'chat.message' && typeof data?.text === 'string') {
      return { at, from, name: this.nameOf(from) || t('room.somebody'), text: data.text, mine: from === me };
    }
    return { at, line: `${this.nameOf(from) || t('room.gateway')}: ${event}`, code: JSON.stringify(data) };
  }
}

/**
 * @param {string} event
 * @param {any} data
 * @param {string} name
 */
function sentence(event, data, name) {
  if (event === 'member.joined') return t('room.joined', { name });
  if (event === 'member.left') return t(data.reason === 'removed' ? 'room.removed' : 'room.left', { name });
  if (data.name && data.name !== name) return t('room.renamed', { name, to: data.name });
  const status = ['online', 'reconnecting', 'offline'].find((s) => s === data.status);
  return status ? t(`room.${status}`, { name }) : t('room.changed', { name });
}

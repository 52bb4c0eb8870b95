// @ts-check
/**
 * A meeting as this page takes part in it: what it is now, the own clicks that
 * are on their way, and what passes by.
 */
import { announce } from '../model/announce.js';
import { apply, applyPrivate, fromState } from '../model/meeting.js';
import { amVoter, nameOf, nextStory, ownCard } from '../model/people.js';
import { isolated } from '../lang/i18n.js';
import { visited } from './storage.js';
import { ask, live, tell } from './notices.js';
import { t } from './prefs.js';
import { refusal } from './refusal.js';

/**
 * @typedef {import('../model/types.js').Meeting} Meeting
 * @typedef {import('../model/types.js').Event} Event
 * @typedef {{ round: number, card: string | null, offset?: number }} Pick offset: it took effect, and its events come up to there
 * @typedef {{ id: number, from: string, emoji: string }} Reaction
 *
 * @typedef {object} Content
 * @property {Meeting} meeting
 * @property {Pick | null} pick the own card until the meeting shows it
 * @property {Reaction[]} reactions that are in the air
 * @property {number} nudged how often this member was
 * @property {number} celebrated the last round whose reveal was seen as it happened
 */

/** Milliseconds that a reaction is in the air. */
const AIR = 3500;

/** What is for the moment is not worth to be sent later, nor to hold up what comes behind it. */
const MOMENTARY = ['react', 'nudge'];

export class MeetingRoom {
  #visit;
  /** @type {Content} */
  #content;
  #me = '';
  #count = 0;

  /** @param {import('./visit.js').Visit} visit */
  constructor(visit) {
    this.#visit = visit;
    this.#content = { meeting: fromState({ state: {}, members: [] }), pick: null, reactions: [], nudged: 0, celebrated: 0 };
  }

  get meeting() {
    return this.#content.meeting;
  }

  /** @param {{ state: any, members: any[] }} state @param {string} me */
  state(state, me) {
    this.#me = me;
    const { pick } = this.#content;
    this.#draw({ meeting: fromState(state), pick: pick?.offset === undefined ? pick : null });
    this.#remember();
  }

  /** @param {Event[]} events @param {string} me */
  events(events, me) {
    let { meeting, celebrated, pick } = this.#content;
    for (const e of events) {
      const before = meeting;
      meeting = apply(meeting, e);
      const said = announce(before, meeting, e, me);
      if (said) live.value = t(...said);
      if (e.event === 'round.revealed') celebrated = e.data.round;
      if (e.event === 'react') this.#react(e.from ?? '', String(e.data.emoji));
      if (e.event === 'nudge' && e.data.member === me) this.#nudged(nameOf(meeting, e.from ?? ''));
    }
    if (pick?.offset !== undefined && pick.offset <= this.#visit.offset) pick = null;
    this.#draw({ meeting, celebrated, pick });
    if (events.some((e) => e.event === 'round.started')) this.#remember();
  }

  /** @param {{ event: string, data: any }} note */
  note(note) {
    this.#draw({ meeting: applyPrivate(this.meeting, note) });
  }

  /** @param {Partial<Content>} change */
  #draw(change) {
    this.#content = { ...this.#content, ...change };
    this.#visit.draw(this.#content);
  }

  #remember() {
    visited(this.#visit.session, this.meeting.round?.title || this.meeting.stories[0]?.title || '', Date.now());
  }

  /** @param {string} from @param {string} emoji */
  #react(from, emoji) {
    const reaction = { id: ++this.#count, from, emoji };
    this.#draw({ reactions: [...this.#content.reactions, reaction].slice(-40) });
    setTimeout(() => this.#draw({ reactions: this.#content.reactions.filter((r) => r !== reaction) }), AIR);
  }

  /** @param {string} name */
  #nudged(name) {
    this.#draw({ nudged: this.#content.nudged + 1 });
    tell(t('notice.nudged', { name }));
  }

  /**
   * Asks the gateway. What it refuses is told.
   * @param {string} command
   * @param {unknown} [data]
   * @returns {Promise<boolean>} whether it took effect
   */
  async do(command, data) {
    const why = await this.asked(command, data);
    if (why) complain(why);
    return why === undefined;
  }

  /**
   * Asks the gateway, and leaves it to the caller to tell what it refuses.
   * @param {string} command
   * @param {unknown} [data]
   * @returns {Promise<string | undefined>} why it had no effect; undefined if it had
   */
  async asked(command, data) {
    try {
      await this.#visit.command(command, data, { retry: !MOMENTARY.includes(command) });
      return undefined;
    } catch (e) {
      return this.#why(e);
    }
  }

  /** @param {any} e @returns {string} empty if the page itself has ended the connection */
  #why(e) {
    return e?.code === 'closed' && this.#visit.over ? '' : refusal(e, t);
  }

  /** Puts a card on the table, or with null takes it back. @param {string | null} card */
  async vote(card) {
    const { round } = this.meeting;
    if (!round || !amVoter(this.meeting, this.#me) || ownCard(this.meeting, this.#me, this.#content.pick) === card) return;
    const command = round.revealed ? 'change_vote' : card === null ? 'retract_vote' : 'cast_vote';
    const pick = { round: round.round, card };
    this.#draw({ pick });
    const offset = await this.#lay(pick, command);
    if (this.#content.pick !== pick) return;
    // The answer comes behind the private note, and may overtake the events.
    this.#draw({ pick: offset > this.#visit.offset ? { ...pick, offset } : null });
  }

  /**
   * Sends a pick. One that is refused for the moment is sent again, unless there
   * is a newer one.
   * @param {Pick} pick
   * @param {string} command
   * @returns {Promise<number>} the log's offset behind it; 0 if the meeting itself tells what came of it
   */
  async #lay(pick, command) {
    const { round, card } = pick;
    for (;;) {
      try {
        return await this.#visit.command(command, { round, card: card ?? undefined }, { retry: false });
      } catch (e) {
        const { code, retry, after } = /** @type {import('../client/dist/plenum.min.js').PlenumError} */ (e);
        const why = !retry && code !== 'outcome_lost' && this.#why(e);
        if (why) complain(why);
        if (retry) await new Promise((resolve) => setTimeout(resolve, Math.max(after, 100)));
        if (!retry || this.#content.pick !== pick) return 0;
      }
    }
  }

  /** @param {string[]} missing names of those who have not voted */
  async reveal(missing) {
    const round = this.meeting.round?.round;
    if (missing.length && !(await ask({ title: t('ask.reveal', { n: missing.length }), text: names(missing), yes: t('do.reveal') }))) return;
    await this.do('reveal', { round, force: missing.length > 0 });
  }

  revote() {
    return this.do('revote', { round: this.meeting.round?.round });
  }

  next() {
    return this.start(nextStory(this.meeting)?.id);
  }

  /** @param {string} [story] none: a quick vote @returns {Promise<boolean>} */
  async start(story) {
    const { round, phase } = this.meeting;
    const votes = phase === 'voting' && round?.voted?.length;
    if (votes && !(await ask({ title: t('ask.start', { n: votes }), text: t('ask.start_text'), yes: t('do.start'), danger: true }))) return false;
    if (this.meeting.round?.round !== round?.round) return this.start(story); // of another round nobody was asked
    return this.do('start_round', { story, confirm: Boolean(votes) });
  }

  /**
   * Gives a round's story another title, and a quick vote a story.
   * @param {string} title
   * @param {import('../model/types.js').Round} round
   */
  async name(title, round) {
    if (round.story) return this.do('edit_story', { story: round.story, title });
    if (!(await this.do('add_story', { title }))) return false;
    const added = this.meeting.stories.findLast((s) => s.title === title.trim());
    return added && this.meeting.round?.round === round.round ? this.start(added.id) : true;
  }

  /** @param {string} value */
  estimate(value) {
    const { round } = this.meeting;
    return this.do('set_estimate', { round: round?.round, value });
  }

  /** @param {{ deck?: string, cards?: string[] }} deck @returns {Promise<boolean>} */
  async deck(deck) {
    const { round, phase } = this.meeting;
    const votes = phase === 'revealed' || Boolean(round?.voted?.length);
    if (votes && !(await ask({ title: t('ask.deck'), text: t('ask.deck_text'), yes: t('do.change'), danger: true }))) return false;
    if (this.meeting.round?.round !== round?.round) return this.deck(deck);
    return this.do('set_deck', { ...deck, confirm: votes });
  }

  /** Brings all rounds here, for the export. */
  async everything() {
    for (let tries = 3; this.meeting.older > 0; ) {
      const { older } = this.meeting;
      if (!(await this.earlier())) return false;
      if (this.meeting.older === older && --tries === 0) {
        complain(t('error.other')); // each answer was lost, or a state overtook it
        return false;
      }
    }
    return true;
  }

  earlier() {
    return this.do('get_rounds', { before: this.meeting.history[0]?.round ?? this.meeting.round?.round ?? 0 });
  }
}

/** @param {string} why */
function complain(why) {
  tell(why, 'bad');
  live.value = why;
}

/**
 * @param {string[]} list
 * @param {number} [most]
 */
export const names = (list, most = 8) => {
  const shown = list.slice(0, most).map(isolated).join(', ');
  return list.length > most ? t('names.more', { names: shown, n: list.length - most }) : shown;
};

// @ts-check
/**
 * One visit to a session: the connection, and what it brings, as one value that
 * the views draw. What the session is to this page is up to its kind; see
 * meeting.js and room.js.
 */
import { PlenumError, connect, seatsIn } from '../client/dist/plenum.min.js';
import { create } from './http.js';
import { Store } from './store.js';

/**
 * @typedef {object} Now
 * @property {import('../client/dist/plenum.min.js').Phase} phase
 * @property {string} kind empty until the first welcome
 * @property {string} me
 * @property {string} replica which gateway serves this page
 * @property {number} waiting requests that are not settled
 * @property {PlenumError} [over] why it has ended
 * @property {any} content the kind's
 *
 * @typedef {object} Kind how a kind follows a session
 * @property {(state: import('../client/dist/plenum.min.js').State, me: string) => void} state
 * @property {(events: import('../client/dist/plenum.min.js').Event[], me: string) => void} events
 * @property {(note: { event: string, data: any }) => void} note
 *
 * @typedef {object} Join
 * @property {string} session
 * @property {string} [name]
 * @property {string} [role]
 * @property {string} [passcode]
 * @property {string} [token]
 */

/** Milliseconds that a leave may take. */
const LEAVE = 1500;

/** Milliseconds that other tabs wait for the first of them that begins anew. */
const FIRST = 10_000;

/** Milliseconds between two attempts to make a session, at most. */
const LATER = 15_000;

/** Meetings: one person, one seat, in all tabs. Rooms: every tab is somebody. */
const shared = seatsIn();
const own = { get: () => /** @type {string | undefined} */ (undefined), ...sessionSeats() };

function sessionSeats() {
  try {
    return seatsIn(sessionStorage);
  } catch {
    return { set() {}, remove() {} }; // storage is refused
  }
}

/** @param {string} session */
export const seatOf = (session) => own.get(session) ?? shared.get(session);

/** Takes a seat over from another device. @param {string} session @param {string} seat */
export const takeSeat = (session, seat) => shared.set(session, seat);

/** Does something while no other tab does, where the browser can tell. @type {(name: string, f: () => Promise<void>) => unknown} */
const alone = (name, f) => (navigator.locks ? navigator.locks.request(name, f).catch(f) : f());

export class Visit {
  /** @type {Store<Now>} */
  now;
  #join;
  #kinds;
  #client;
  /** @type {Kind | undefined} */
  #kind;
  /** The seat of a welcome whose kind is not known yet. */
  #seat = '';
  #skew = 0;
  #gone = false;
  /** Of a welcome that is waited for. @type {() => void} */
  #arrived = () => {};
  /** Until the session that had been forgotten is there again. @type {Promise<void> | undefined} */
  #anew;

  /**
   * @param {Join} join
   * @param {(kind: string, visit: Visit) => Kind} kinds
   */
  constructor(join, kinds) {
    this.#join = join;
    this.#kinds = kinds;
    this.now = new Store(/** @type {Now} */ ({ phase: 'connecting', kind: '', me: '', replica: '', waiting: 0, content: undefined }));
    this.#client = this.#connect();
  }

  get session() {
    return this.#join.session;
  }

  /** The secret of the own seat. */
  get seat() {
    return this.#client.seat;
  }

  /** The gateway's clock. */
  get clock() {
    return Date.now() + (this.#client.skew ?? this.#skew);
  }

  /** Up to where the session has been followed. */
  get offset() {
    return this.#client.position?.offset ?? 0;
  }

  /** Whether the person has left, or the visit has ended otherwise. */
  get over() {
    return this.#gone || this.now.value.phase === 'closed';
  }

  /** What follows the session; undefined until the first welcome. */
  get kind() {
    return this.#kind;
  }

  /** @param {any} content */
  draw(content) {
    this.#set({ content });
  }

  /**
   * @param {string} command
   * @param {unknown} [data]
   * @param {import('../client/dist/plenum.min.js').RequestOptions} [options]
   * @returns {Promise<number>}
   */
  command(command, data = {}, options) {
    return this.#settled((client) => client.command(command, data, options));
  }

  /** @param {string} event @param {unknown} data */
  publish(event, data) {
    return this.#settled((client) => client.publish(event, data));
  }

  /** Gives the seat up, and forgets it. Without a connection the others see it away. */
  async leave() {
    this.#gone = true;
    const left = this.#client.leave().catch(() => {}); // it has ended otherwise
    await Promise.race([left, new Promise((resolve) => setTimeout(resolve, LEAVE))]);
    this.#client.close();
    for (const seats of [shared, own]) seats.remove(this.session);
  }

  close() {
    this.#gone = true;
    this.#client.close();
  }

  #connect() {
    const { session, name, role, passcode, token } = this.#join;
    const client = connect({
      session, name, role, passcode, token,
      seats: {
        get: seatOf,
        set: (_, seat) => this.#keep(seat),
        remove: (id) => {
          for (const seats of [shared, own]) if (seats.get(id) === client.seat) seats.remove(id);
        },
      },
      onWelcome: (welcome) => this.#welcomed(welcome.session.kind, welcome.you.member),
      onStatus: (status) => this.#status(status),
      onState: (state) => {
        if (typeof state.state?.now === 'number') this.#skew = state.state.now - Date.now();
        this.#kind?.state(state, this.#client.member);
      },
      onEvents: (events) => this.#kind?.events(events, this.#client.member),
      onPrivate: (note) => this.#kind?.note(note),
    });
    return client;
  }

  /** @param {string} seat */
  #keep(seat) {
    this.#seat = seat;
    const { kind } = this.now.value;
    if (kind) (kind === 'estimation' ? shared : own).set(this.session, seat);
  }

  /** @param {string} kind @param {string} me */
  #welcomed(kind, me) {
    if (kind !== this.now.value.kind) this.#kind = this.#kinds(kind, this);
    this.#set({ kind, me });
    if (this.#seat) this.#keep(this.#seat);
    this.#arrived();
  }

  /** @param {import('../client/dist/plenum.min.js').Status} status */
  #status({ phase, error, replica }) {
    if (phase === 'closed' && error?.code === 'seat_unknown') return this.#again();
    this.#set({ phase, replica: replica ?? this.now.value.replica, over: phase === 'closed' ? error : undefined });
  }

  /**
   * The session has begun anew and knows nobody. So do we, under the same name,
   * one tab after the other: the others come back with the seat of the first.
   * It may have to be made, because joining makes sessions of another kind.
   */
  #again() {
    this.#set({ phase: 'reconnecting' });
    this.#anew = new Promise((made) => {
      alone(`plenum.${this.session}`, async () => {
        const meeting = this.now.value.kind === 'estimation';
        for (let wait = 500; meeting && !this.#gone && (await create('estimation', this.session)) === 'later'; wait = Math.min(2 * wait, LATER)) {
          await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random() / 2)));
        }
        const arrived = new Promise((resolve) => {
          this.#arrived = () => resolve(undefined);
          setTimeout(resolve, FIRST);
        });
        if (!this.#gone) this.#client = this.#connect();
        made();
        if (!this.#gone) await arrived;
      });
    });
  }

  /**
   * What a session that was forgotten had not taken yet goes to the new one.
   * @param {(client: import('../client/dist/plenum.min.js').Client) => Promise<number>} ask
   * @returns {Promise<number>}
   */
  async #settled(ask) {
    await this.#anew;
    const client = this.#client;
    const outcome = ask(client);
    this.#set({});
    try {
      return await outcome;
    } catch (e) {
      await this.#anew;
      if (/** @type {any} */ (e).code === 'closed' && client !== this.#client) return this.#settled(ask);
      throw e;
    } finally {
      this.#set({});
    }
  }

  /** @param {Partial<Now>} change */
  #set(change) {
    this.now.value = { ...this.now.value, ...change, waiting: this.#client?.pending ?? 0 };
  }
}

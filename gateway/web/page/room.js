/** One session as this page takes part in it: who is there, and what happened. It draws nothing. */
import { Members, connect, seatsIn } from './client/index.js';

// Every tab is a member of its own, so that two of them can talk; a reload is the same member.
const seats = seatsIn(sessionStorage);

export class Room {
  members = new Members();
  phase = 'connecting';
  #names = new Map();
  /** What was sent and is not settled: {text, error}. */
  pending = new Set();

  /**
   * @param {string} session
   * @param {string} name
   * @param {{ changed: () => void, happened: (entries: any[]) => void, over: (error: any) => void }} on
   */
  constructor(session, name, on) {
    this.session = session;
    this.name = name;
    this.on = on;
    this.#open();
  }

  static hasSeat(session) {
    return Boolean(seats.get(session));
  }

  get me() {
    return this.client.member;
  }

  close() {
    this.client.close();
  }

  send(text) {
    this.#publish({ text, error: '' });
  }

  #open() {
    this.client = connect({
      session: this.session,
      name: this.name || undefined,
      seats,
      onStatus: (status) => this.#status(status),
      onState: ({ members, reason }) => {
        this.members.replace(members);
        if (reason !== 'snapshot') this.on.happened([{ line: 'Some events are missing here: they were too many, or are gone.' }]);
        this.on.changed();
      },
      onEvents: (events) => {
        this.on.happened(events.map((e) => this.#entry(e)));
        this.on.changed();
      },
    });
  }

  #status({ phase, error }) {
    this.phase = phase;
    if (phase === 'closed' && error?.code === 'seat_unknown') {
      // The session has begun anew and knows nobody. So do we, under the same name; what was not settled goes along.
      this.#open();
      this.on.happened([{ line: 'The session began anew.' }]);
      this.phase = 'reconnecting';
    } else if (phase === 'closed' && error) {
      this.on.over(error);
    }
    this.on.changed();
  }

  async #publish(message) {
    const { client } = this;
    message.error = '';
    this.pending.add(message);
    this.on.changed();
    try {
      await client.publish('chat.message', { text: message.text });
      this.pending.delete(message);
    } catch (e) {
      if (e.code === 'closed' && client !== this.client) return this.#publish(message);
      message.error = e.message;
    }
    this.on.changed();
  }

  /** Tries a message again that was refused. */
  again(message) {
    this.#publish(message);
  }

  /** Applies an event, and says what is to be shown of it. */
  #entry({ event, data, from, at }) {
    const before = this.nameOf(data?.member);
    if (this.members.apply({ event, data })) {
      if (data.name) this.#names.set(data.member, data.name);
      return { at, line: sentence(event, data, before || data.name) };
    }
    if (event === 'chat.message' && typeof data?.text === 'string') {
      return { at, from, name: this.nameOf(from) || 'Somebody', text: data.text, mine: from === this.me };
    }
    return { at, line: `${this.nameOf(from) || 'The gateway'}: ${event}`, code: JSON.stringify(data) };
  }

  /** The name of a member, also of one who has left. */
  nameOf(member) {
    return this.members.get(member)?.name ?? this.#names.get(member) ?? '';
  }
}

function sentence(event, data, name) {
  switch (event) {
    case 'member.joined': return `${name} joined`;
    case 'member.left': return data.reason === 'removed' ? `${name} was removed` : `${name} left`;
  }
  if (data.name && data.name !== name) return `${name} is now ${data.name}`;
  return `${name} ${{ online: 'is back', reconnecting: 'lost the connection', offline: 'is away' }[data.status] ?? 'changed'}`;
}

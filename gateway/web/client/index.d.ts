/**
 * A client of the Plenum gateway, for browsers and for every runtime with a
 * WebSocket. What it promises:
 *
 * - Events come in order, none missing, none twice, over all reconnects and
 *   whichever replica serves them. What cannot be replayed is replaced by a
 *   state, and told as such.
 * - A publish or command takes effect once. It is kept until its outcome is
 *   known, and sent again after a reconnect.
 * - It comes back without end, with jitter, unless the gateway says that there
 *   is no use. A drained replica is left without a gap.
 */

/**
 * Opens a session. It connects at once and stays connected. It throws a TypeError
 * where it could never connect: no session, a url that is none, no WebSocket.
 */
export function connect(options: Options): Client;

/** One running client. All methods may be called at any time, also from callbacks. */
export interface Client {
  /** Names this running client; drawn at random and never stored. */
  readonly id: string;
  readonly phase: Phase;
  /** This member's id; empty before the first welcome. */
  readonly member: string;
  /** The secret that proves the member: whoever has it is the member. */
  readonly seat: string;
  /** What has been applied; undefined before the first welcome. */
  readonly position: Position | undefined;
  /** How many publishes and commands are not settled. */
  readonly pending: number;
  /**
   * Who is in the session, up to date before onState and onEvents are called.
   * It is not known to a client that came back with {@link Options.since}.
   */
  readonly members: Members;
  /**
   * By how many milliseconds the gateway's clock is ahead of Options.clock,
   * known from its heartbeats and from events of this client's own; undefined
   * before the first. A deadline of the gateway is due here at deadline - skew.
   */
  readonly skew: number | undefined;

  /**
   * Tells everyone in the session. It resolves with the event's offset, after
   * onEvents was given the event, or rejects with a {@link PlenumError}. While
   * there is no connection, the event is kept. data is taken as it is now.
   *
   * The offset is 0 if it took effect, and only the offset was lost with a
   * connection.
   */
  publish(event: string, data?: unknown, request?: RequestOptions): Promise<number>;
  /** Asks the session's kind; otherwise like {@link Client.publish}. */
  command(command: string, data?: unknown, request?: RequestOptions): Promise<number>;
  /**
   * Tells everyone who is there at this moment, and nobody later; it may be
   * lost. Of those with the same key, one in each frame interval is sent, the
   * latest. False if there is no connection, or it is too big.
   */
  ephemeral(event: string, data?: unknown, key?: string): boolean;

  /** Gives up the seat, once everything is settled. */
  leave(): Promise<void>;
  /** Ends the client at once and keeps the seat. What is not settled rejects. */
  close(): void;
  /**
   * Looks after the connection now: the page is back, or the network may have
   * changed (network true). In browsers the client does this itself.
   */
  wake(network?: boolean): void;
}

export interface RequestOptions {
  /** Overrides Options.retry for this request. */
  retry?: boolean;
}

export interface Options extends Callbacks {
  /** 1 to 64 characters of A-Z a-z 0-9 _ - */
  session: string;
  /** Display name; required for a new seat. */
  name?: string;
  /** The gateway: ws, wss, http or https. Without a path it gets "/api/websocket"; the page's host unless set. */
  url?: string;

  /** The secret of an earlier visit, to come back as the same member. */
  seat?: string;
  /** Keeps the seat from visit to visit; see {@link seatsIn}. */
  seats?: Seats;
  /** With seat: what this program has applied already. */
  since?: Position;
  /**
   * Where the operator asks for one. A function is called before every join, and
   * when the token is about to expire, so that it can get another one.
   */
  token?: string | (() => string | Promise<string>);
  /** Where the session asks for one. */
  passcode?: string;
  /** Where the session's kind has roles. */
  role?: string;

  /**
   * Whether a request that the gateway refuses for the moment (retry:true) is
   * sent again after the wait it names; true unless set. Else it rejects.
   */
  retry?: boolean;
  /** Most requests that may wait; 1000 unless set. More reject with outbox_full. */
  outbox?: number;
  /** Milliseconds for a connection until it is welcomed; 10000 unless set. */
  timeout?: number;
  /**
   * Most milliseconds between two attempts to connect, unless the gateway asks
   * for more; 5000 unless set. Attempts go on without end.
   */
  backoff?: number;

  /** Makes a socket, in place of WebSocket. Where there is no WebSocket, connect throws without it. */
  socket?: (url: string, protocols: string[]) => Socket;
  clock?: Clock;
  /** From [0,1), for jitter. */
  random?: () => number;
  /** What tells of online, pageshow and visibilitychange: the window, if there is one. null: nobody. */
  page?: Page | null;
}

/** They are called one at a time. What they throw is reported as uncaught and disturbs nothing. */
export interface Callbacks {
  onStatus?(status: Status): void;
  onWelcome?(welcome: Welcome): void;
  /** Replaces everything that is known. The next events follow it. */
  onState?(state: State): void;
  /** Events in offset order, and between them ephemeral ones, which have no offset. */
  onEvents?(events: Event[]): void;
  /** For this member's connections alone. */
  onPrivate?(note: { event: string; data: any }): void;
  /**
   * A refusal that belongs to no request (also the one right before an end, which
   * onStatus tells, too), a breach of the protocol, or another
   * token that was not to be had. The client goes on.
   */
  onError?(error: PlenumError): void;
}

export type Phase = 'connecting' | 'connected' | 'reconnecting' | 'closed';

export interface Status {
  phase: Phase;
  /** With connected: which gateway this is. */
  replica?: string;
  /** With reconnecting: milliseconds until the next attempt; 0 while one is under way. */
  wait?: number;
  /** With reconnecting and closed: why. None after close and leave. */
  error?: PlenumError;
}

/** A place in a session's log. Offsets of different epochs do not compare. */
export interface Position {
  epoch: string;
  offset: number;
}

export interface SessionInfo extends Position {
  id: string;
  kind: string;
}

export interface Member {
  member: string;
  name: string;
  status: 'online' | 'reconnecting' | 'offline';
  role?: string;
  [more: string]: any;
}

export interface Welcome {
  protocol: string;
  replica: string;
  session: SessionInfo;
  you: { member: string; seat: string; client: string };
  acked: number;
  resumed: boolean;
  members?: Member[];
  state?: any;
  /** Milliseconds. */
  heartbeat: number;
  frame: number;
  /** Bytes. */
  limits?: { message: number; backlog: number };
}

export interface State {
  session: SessionInfo;
  members: Member[];
  /** What the session's kind shows this member. */
  state: any;
  /** snapshot: with a welcome. lagged: too much was missed. reset: the log has lost its past. */
  reason: 'snapshot' | 'lagged' | 'reset';
}

export interface Event {
  /** None in an ephemeral event. */
  offset?: number;
  /** The server's time, milliseconds since 1970. */
  at: number;
  event: string;
  /** The member; none if the gateway itself tells it. */
  from?: string;
  ref?: string;
  data: any;
}

/**
 * code is the gateway's, or one of the client's own: closed (the client has
 * ended), outcome_lost (settled, and the answer was lost with a connection: it
 * took effect once, or was refused), too_big, malformed (half of a surrogate
 * pair in a text of the data), outbox_full, lost (a connection
 * broke), breach (the gateway broke the protocol), token (the app's token
 * function failed when the one before was about to expire).
 */
export class PlenumError extends Error {
  constructor(code: string, message?: string, more?: { retry?: boolean; after?: number; close?: number });
  code: string;
  /** The same request can succeed later. */
  retry: boolean;
  /** Milliseconds to wait before that. */
  after: number;
  /** The WebSocket's close code; 0 if this is not about a close. */
  close: number;
}

/** The members of a session. Feed it every state and every event. */
export class Members {
  /** In the order in which they joined. Each change makes a new list. */
  readonly list: readonly Member[];
  replace(members: readonly Member[]): void;
  /** Whether the event changed anything. */
  apply(event: Pick<Event, 'event' | 'data'>): boolean;
  get(member: string | undefined): Member | undefined;
}

export interface Seats {
  get(session: string): string | undefined;
  set(session: string, seat: string): void;
  remove(session: string): void;
}

/**
 * Keeps seats in localStorage, or another storage: sessionStorage makes every
 * tab a member of its own. Where storage is refused, nothing is kept.
 */
export function seatsIn(storage?: Store, prefix?: string): Seats;

/** What {@link seatsIn} needs of a storage; localStorage and sessionStorage have it. */
export interface Store {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** What the client needs of a WebSocket. */
export interface Socket {
  readonly readyState: number;
  binaryType: string;
  onopen: ((event: any) => void) | null;
  /** event.data is a string, or an ArrayBuffer. */
  onmessage: ((event: any) => void) | null;
  /** Called behind an error, too. The event has code and reason. */
  onclose: ((event: any) => void) | null;
  onerror?: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export interface Clock {
  /** Milliseconds; it must go on while the machine sleeps. */
  now(): number;
  setTimeout(f: () => void, ms: number): any;
  clearTimeout(timer: any): void;
}

export interface Page {
  addEventListener(type: string, listener: () => void, options: { signal: any }): void;
  document?: {
    readonly visibilityState: string;
    addEventListener(type: string, listener: () => void, options: { signal: any }): void;
  };
}

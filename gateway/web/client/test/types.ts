// Compiled, never run: the declared API as an app in TypeScript uses it.
import { connect, Members, PlenumError, seatsIn } from '../index.js';
import { connect as bundled } from '../dist/plenum.min.js';
import type { Client, Event, Phase, State, Status } from '../index.js';

const members = new Members();

const client: Client = connect({
  session: 'standup',
  name: 'Ada',
  url: 'wss://gateway.example/api/websocket',
  seats: seatsIn(sessionStorage, 'app.'),
  since: { epoch: 'e', offset: 1 },
  token: async () => 'a.b.c',
  passcode: '42',
  role: 'voter',
  retry: false,
  outbox: 10,
  timeout: 1000,
  backoff: 30_000,
  socket: (url, protocols) => new WebSocket(url, protocols),
  clock: { now: Date.now, setTimeout, clearTimeout },
  random: Math.random,
  page: window,
  onStatus({ phase, wait, error }: Status) {
    const p: Phase = phase;
    console.log(p, wait?.toFixed(), error?.code, error?.close);
  },
  onWelcome: (w) => console.log(w.you.member, w.limits?.message),
  onState: (s: State) => members.replace(s.members),
  onEvents: (events: Event[]) => events.filter((e) => members.apply(e)).map((e) => e.offset),
  onPrivate: ({ event, data }) => console.log(event, data),
  onError: (e: PlenumError) => console.log(e.code, e.after),
});

const offset: number = await client.publish('chat.message', { text: 'hi' }, { retry: true });
const same: Promise<number> = client.command('cast_vote', { round: 3, card: '5' });
const sent: boolean = client.ephemeral('cursor', [1, 2], 'cursor');
const left: Promise<void> = client.leave();
client.wake();
client.wake(true);
client.close();
const due = (deadline: number): number => deadline - (client.skew ?? 0);
const here: number = client.members.list.filter((m) => m.status === 'online').length;
const alike: typeof connect = bundled;
console.log(due(0), here, alike, offset, same, sent, left, client.id, client.pending, client.position?.epoch, members.get('m')?.name);

// @ts-expect-error: a session is required
connect({ name: 'Ada' });
// @ts-expect-error: it is the client's own
client.phase = 'closed';

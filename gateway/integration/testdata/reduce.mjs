// Applies a tape of events to an old state, and compares what the page makes of
// it with a new state. Reads {state, members, tape, me, want} from stdin and
// prints how the two differ, or nothing.
import { isDeepStrictEqual } from 'node:util';
import { apply, applyPrivate, fromState } from '../../web/page/model/meeting.js';
import { ownCard } from '../../web/page/model/people.js';

let text = '';
for await (const part of process.stdin) text += part;
const { state, members, tape, me, want } = JSON.parse(text);

let got = fromState({ state, members });
const old = JSON.stringify(got);
const first = got;
for (const e of tape) got = e.private ? applyPrivate(got, e) : apply(got, e);
if (JSON.stringify(first) !== old) console.log('the old state was changed in place');

const whole = fromState(want);
const byId = (list) => [...list].sort((a, b) => (a.member < b.member ? -1 : 1));
// A state has as much of the history as fits into it.
const known = Math.min(got.history.length, whole.history.length);
const count = (m) => m.older + m.history.length;
const shape = (m) => ({ ...m, you: ownCard(m, me, null), now: 0, summary: undefined, members: byId(m.members), older: count(m), history: m.history.slice(m.history.length - known) });
for (const [key, value] of Object.entries(shape(whole))) {
  const mine = shape(got)[key];
  if (!isDeepStrictEqual(mine, value)) console.log(`${key} is ${JSON.stringify(mine)}\n  but should be ${JSON.stringify(value)}`);
}
for (const key of Object.keys(got)) if (!(key in whole) && key !== 'summary') console.log(`${key} should not be there`);

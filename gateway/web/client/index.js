/** @plenum/client: takes part in a session of the Plenum gateway. index.d.ts explains all of it. */
import { Client } from './client.js';

/** @type {typeof import('./index.js').connect} */
export const connect = (options) => new Client(options);
export { Members } from './members.js';
export { PlenumError } from './protocol.js';
export { seatsIn } from './seats.js';

/** @plenum/client: takes part in a session of the Plenum gateway. index.d.ts explains all of it. */
export { connect } from './client.js';
export { Members } from './members.js';
export { PlenumError } from './protocol.js';
export { seatsIn } from './seats.js';

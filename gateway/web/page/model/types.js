// @ts-check
/**
 * The shapes of a meeting, as docs/estimation.md gives them. Nothing runs here.
 *
 * @typedef {{ id: string, label: string, rank?: number, number?: number }} Card
 * @typedef {{ id: string, cards: Card[] }} Deck
 * @typedef {'everyone' | 'facilitators' | 'owner'} Policy
 * @typedef {object} Options
 * @property {boolean} auto_reveal
 * @property {number} countdown seconds
 * @property {boolean} anonymous
 * @property {boolean} late_change
 * @property {Policy} reveal_by
 * @property {Policy} flow_by
 * @property {Policy} stories_by
 * @property {Policy} settings_by
 *
 * @typedef {{ card: string, members?: string[] }} Edge
 * @typedef {object} Results
 * @property {Record<string, number>} counts
 * @property {number} counted
 * @property {number | null} mean
 * @property {string[]} median
 * @property {string[]} modes
 * @property {Edge | null} lowest
 * @property {Edge | null} highest
 * @property {number} agreement percent
 * @property {'unanimous' | 'consensus' | 'majority' | 'split' | 'none'} level
 * @property {number} spread
 * @property {Edge[]} outliers
 * @property {{ voted: number, voters: number }} turnout
 * @property {number} took ms
 * @property {string | null} suggested
 *
 * @typedef {{ value: string, round: number }} Estimate
 * @typedef {object} Round
 * @property {number} round
 * @property {string | null} story
 * @property {string} title
 * @property {number} started
 * @property {boolean} anonymous
 * @property {string[]} [voted]
 * @property {{ token: number, at: number, ms: number }} [countdown]
 * @property {number} [revealed]
 * @property {Record<string, string>} [votes]
 * @property {Record<string, string | null>} [changed]
 * @property {Results} [results]
 * @property {string} [estimate]
 * @property {number} [ended]
 *
 * @typedef {{ id: string, title: string, link?: string, estimate?: Estimate }} Story
 * @typedef {{ token: number, state: 'running' | 'paused' | 'ended', at?: number, left?: number, ms: number }} Timer
 * @typedef {{ member: string, name: string, status: 'online' | 'reconnecting' | 'offline', role?: string }} Member
 *
 * @typedef {object} Meeting
 * @property {number} now
 * @property {'voting' | 'revealed' | 'closed'} phase
 * @property {Deck} deck
 * @property {Options} options
 * @property {string | null} owner
 * @property {string[]} facilitators
 * @property {string | null} acting
 * @property {number | null} absent
 * @property {boolean} locked
 * @property {boolean} passcode
 * @property {Round | null} round
 * @property {Story[]} stories
 * @property {Round[]} history
 * @property {number} older
 * @property {Record<string, string>} names
 * @property {Timer | null} timer
 * @property {{ round: number, card: string | null }} [you] the own card that was told last, and the round it is of
 * @property {Member[]} members
 * @property {object} [summary] of a meeting that was closed while we were there
 *
 * @typedef {{ offset?: number, at: number, event: string, from?: string, ref?: string, data: any }} Event
 */
export {};

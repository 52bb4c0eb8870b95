// @ts-check
/** @typedef {import('./index.js').Member} Member */
/** @typedef {import('./index.js').Members} Roster */

/** @implements {Roster} */
export class Members {
  /** @type {readonly Member[]} */
  list = [];

  /** @param {readonly Member[]} members */
  replace(members) {
    this.list = members ?? [];
  }

  /** @param {string | undefined} member */
  get(member) {
    return this.list.find((m) => m.member === member);
  }

  /** @param {{ event: string, data: any }} event */
  apply({ event, data }) {
    const known = this.get(data?.member);
    if (event === 'member.joined') {
      this.list = [...this.list.filter((m) => m !== known), data];
    } else if (event === 'member.changed' && known) {
      this.list = this.list.map((m) => (m === known ? { ...m, ...data } : m));
    } else if (event === 'member.left' && known) {
      this.list = this.list.filter((m) => m !== known);
    } else {
      return false;
    }
    return true;
  }
}

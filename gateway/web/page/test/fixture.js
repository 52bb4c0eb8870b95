// A meeting of three people in its first round, as the gateway tells it.
export const snapshot = () => ({
  state: {
    now: 1000, phase: 'voting',
    deck: {
      id: 'fibonacci',
      cards: [...['0', '1', '2', '3', '5', '8', '13', '21'].map((id, rank) => ({ id, label: id, rank, number: Number(id) })),
        { id: '?', label: '?' }, { id: 'coffee', label: '☕' }],
    },
    options: {
      auto_reveal: false, countdown: 3, anonymous: false, late_change: false,
      reveal_by: 'everyone', flow_by: 'everyone', stories_by: 'everyone', settings_by: 'facilitators',
    },
    owner: 'm_a', facilitators: ['m_a'], acting: null, absent: null, locked: false, passcode: false,
    round: { round: 1, story: 's1', title: 'Login', started: 900, anonymous: false, voted: [] },
    stories: [{ id: 's1', title: 'Login' }, { id: 's2', title: 'Export', link: 'https://x.example/2' }, { id: 's3', title: 'Search' }],
    history: [], older: 0, names: {}, timer: null, you: { card: null },
  },
  members: [
    { member: 'm_a', name: 'Ana', status: 'online', role: 'voter' },
    { member: 'm_b', name: 'Bo', status: 'online', role: 'voter' },
    { member: 'm_c', name: 'Cy', status: 'online', role: 'spectator' },
  ],
});

export const results = (more = {}) => ({
  counts: { 3: 1, 8: 1 }, counted: 2, mean: 5.5, median: ['3', '8'], modes: ['3', '8'],
  lowest: { card: '3', members: ['m_a'] }, highest: { card: '8', members: ['m_b'] },
  agreement: 50, level: 'majority', spread: 2, outliers: [], turnout: { voted: 2, voters: 2 }, took: 42_000, suggested: '8', ...more,
});

export const event = (name, data) => ({ offset: 1, at: 1000, event: name, data });

// Package session is sessions as members see them: seats and presence, joining
// and resuming, publishing and commands.
//
// What it promises: a member is a seat, proved by a secret and by nothing else;
// a seat's secret brings the same member back on any replica; a session never
// holds more than its capacity of connections, counted over all replicas; what a
// member is shown is a snapshot at one position and every event after it.
//
// The rules are functions on the roster, the decoded state of a session. A
// replica decides on the roster it has and appends "if it is still that one";
// the log arbitrates, see package fanout. Nothing here locks a session, and no
// replica owns one.
package session

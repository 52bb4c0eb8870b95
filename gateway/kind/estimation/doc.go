// Package estimation is the kind of a meeting in which a team estimates stories
// with cards, known as planning poker. Its contract, with every command and
// event, stands in docs/estimation.md.
//
// What it promises: a vote belongs to a round and a seat; a card that lies
// hidden is in the stored state, and in what its own member is told, and in
// nothing else; rounds never repeat, and none that somebody voted in is erased;
// somebody leads the meeting as long as anybody is in it.
//
// A decision is a move: it works on a copy of the state and collects what is to
// be told. What has to follow from any move (all are in, nobody leads) is
// checked at the end of each.
package estimation

// Package auth says who is asking: origins of pages, keys of backends, and
// tokens of members. It keeps no sessions and knows no sockets.
//
// Nothing in it logs, returns, or puts into an error what it was given as a key
// or as a token.
package auth

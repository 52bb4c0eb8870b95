// Package limit keeps one client from taking what is meant for all: it finds out
// from which address a request comes, also behind proxies, and holds each address
// or key to a rate and to a number of connections.
package limit

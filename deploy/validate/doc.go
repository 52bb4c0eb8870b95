// Package validate checks what is in deploy/ as far as that can be done without
// Docker, Kubernetes or systemd running: the files are read by the libraries that
// those use, with nothing unknown in them, and what one file says of another is
// true. "make deploy-check" runs it.
//
// It is a module of its own, so that none of those libraries is near the
// gateway. Its tests run the nginx, redis-server and systemd-analyze of this
// machine where they can judge.
package validate

package kind

// Closed is a State that may keep people out who know the session's id, by a
// passcode for instance. While it does, HTTP is for API keys only: it must not
// be a way around that.
type Closed interface {
	Closed() bool
}

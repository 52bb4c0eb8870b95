//go:build race

package chaos

// raced says that the tests look for data races: then the gateway does too.
const raced = true

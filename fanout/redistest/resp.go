package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Do sends one command on a connection of its own and returns the answer: a
// string or a number as text, an array as its elements' lines, nothing for null.
// An error that Redis answers is returned as its text. If a password is required,
// Do gives it. It waits at most 20 s, which it does if the server is paused.
func (s *Server) Do(args ...string) (string, error) {
	conn, err := net.DialTimeout("tcp", s.Addr(), patience)
	if err != nil {
		return "", fmt.Errorf("redistest: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", fmt.Errorf("redistest: %w", err)
	}
	r := bufio.NewReader(conn)
	if s.password != "" {
		if _, err := call(conn, r, "AUTH", s.password); err != nil {
			return "", err
		}
	}
	return call(conn, r, args...)
}

// call writes a command as an array of bulk strings and reads the answer.
func call(w io.Writer, r *bufio.Reader, args ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return "", fmt.Errorf("redistest: send %s: %w", args[0], err)
	}
	text, err := answer(r)
	if err != nil {
		return "", fmt.Errorf("redistest: %s: %w", args[0], err)
	}
	return text, nil
}

// answer reads one RESP2 value.
func answer(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return "", errors.New("empty line")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+', ':':
		return rest, nil
	case '-':
		return "", errors.New(rest)
	case '$', '*':
	default:
		return "", fmt.Errorf("unknown answer %q", line)
	}
	n, err := strconv.Atoi(rest)
	if err != nil || n < 0 {
		return "", err
	}
	if kind == '$' {
		text := make([]byte, n+len("\r\n"))
		_, err := io.ReadFull(r, text)
		return string(text[:n]), err
	}
	elements := make([]string, n)
	for i := range elements {
		if elements[i], err = answer(r); err != nil {
			return "", err
		}
	}
	return strings.Join(elements, "\n"), nil
}

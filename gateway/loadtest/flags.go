package loadtest

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// Command is what a command line asks for.
type Command struct {
	Options
	Gateway string // a gateway's binary, to be started for the run; empty: the targets are there
	JSON    string // file for the report as JSON; "-": standard output, in place of the text; empty: none
	HTML    string // file for the report as a page; empty: none
	Quiet   bool   // no progress
}

const defaultTarget = "http://localhost:8080"

// Parse reads a command line. The error names every mistake in it, or is
// flag.ErrHelp.
func Parse(args []string) (Command, error) {
	c := Command{Options: Defaults()}
	p := parser{flags: newFlagSet(), command: &c}
	p.define()
	p.parse(args)
	if p.help {
		return c, flag.ErrHelp
	}
	switch {
	case c.Gateway != "" && len(c.Targets) > 0:
		p.mistake("-gateway %s and -target %s: say one of them: a gateway to start, or one that runs", c.Gateway, strings.Join(c.Targets, ","))
	case c.Gateway != "":
		c.Targets = []string{defaultTarget} // until it is started
	case len(c.Targets) == 0:
		c.Targets = []string{defaultTarget}
	}
	return c, errors.Join(append(p.mistakes, c.Check())...)
}

// WriteUsage explains the flags.
func WriteUsage(w io.Writer) {
	fmt.Fprint(w, `loadtest puts members into sessions of a gateway, has them send, and reports how
many connections and messages succeeded and how long messages took.

It exits with 0 if every threshold was reached, with 1 if not, and with 2 if there
was nothing to measure. An interrupt ends the load early, with a report.

`)
	c := Command{Options: Defaults()}
	p := parser{flags: newFlagSet(), command: &c}
	p.define()
	p.flags.SetOutput(w)
	p.flags.PrintDefaults()
}

func newFlagSet() *flag.FlagSet {
	flags := flag.NewFlagSet("loadtest", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // mistakes are told together
	flags.Usage = func() {}
	return flags
}

// parser reads flags, and goes on after a mistake.
type parser struct {
	flags    *flag.FlagSet
	command  *Command
	mistakes []error
	help     bool
}

func (p *parser) mistake(format string, args ...any) {
	p.mistakes = append(p.mistakes, fmt.Errorf(format, args...))
}

// parse reads all arguments.
func (p *parser) parse(args []string) {
	unknown := false // the flag before: what follows may be its value
	for len(args) > 0 {
		err := p.flags.Parse(args)
		rest := p.flags.Args()
		switch {
		case errors.Is(err, flag.ErrHelp):
			p.help = true
			return
		case err != nil:
			p.mistake("%w; see -help", err)
		case len(rest) > 0 && (!unknown || len(rest) < len(args)):
			p.mistake("%q: there are no arguments but flags; see -help", rest[0])
		}
		if len(rest) > 0 && (err == nil || len(rest) == len(args)) {
			rest = rest[1:] // the flag package stands still at what it does not understand
		}
		unknown, args = err != nil, rest
	}
}

// add defines a flag. read turns its text into a value; allowed says what is.
func add[T any](p *parser, name string, into *T, read func(text string) (T, error), allowed, usage string) {
	p.flags.Func(name, usage, func(text string) error {
		value, err := read(text)
		if err != nil {
			p.mistake("-%s %s: must be %s", name, text, allowed)
			return nil
		}
		*into = value
		return nil
	})
}

func (p *parser) define() {
	c := p.command
	text := func(s string) (string, error) { return s, nil }
	kind := func(s string) (Kind, error) { return Kind(s), nil }
	number := func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }
	const aNumber, aWhole, aDuration = "a number", "a whole number", "a duration such as 500ms, 60s or 10m"

	p.flags.Func("target", "`addresses` of gateways, or of what stands before them: http://…, wss://…; several by commas, or by\nthe flag again; members are dealt out over them (default "+defaultTarget+")", p.targets)
	add(p, "gateway", &c.Gateway, text, "", "`binary` of a gateway that is started for the run, with the embedded log; PLENUM_ variables are passed on")
	add(p, "kind", &c.Kind, kind, "", "`kind` of the sessions: "+kindNames()+" (default broadcast); all but broadcast are made through the HTTP API")
	add(p, "session", &c.Session, text, "", "`name` that the sessions' ids begin with (default: a random one)")
	add(p, "sessions", &c.Sessions, strconv.Atoi, aWhole, "`number` of sessions (default 1)")
	add(p, "members", &c.Members, strconv.Atoi, aWhole, "`number` of members in each session (default 12)")
	add(p, "rate", &c.Rate, number, aNumber, "`messages` a second of each member; 0: they only listen (default 1)")
	add(p, "size", &c.Size, readSize, "bytes such as 200 or 100-2000", "`bytes` of a message's data, or a range out of which each size is as likely (default 200)")
	add(p, "ramp", &c.Ramp, time.ParseDuration, aDuration, "`duration` over which the members come (default: a second for every 200)")
	add(p, "duration", &c.Duration, time.ParseDuration, aDuration, "`duration` of the load, after they have come (default 60s)")
	add(p, "reconnects", &c.Reconnects, number, aNumber, "`times` a minute that each member loses its connection and comes back (default 0)")
	add(p, "patience", &c.Patience, time.ParseDuration, aDuration, "`duration` for a handshake, and for what is under way at the end (default 10s)")
	p.access()
	p.outputs()
}

// access defines what is needed to be let in.
func (p *parser) access() {
	c := p.command
	p.flags.BoolFunc("gzip", "members take large frames compressed", yes(p, "gzip", &c.Gzip))
	p.flags.BoolFunc("insecure", "accept any certificate", yes(p, "insecure", &c.Insecure))
	const aSecret = "the secret, or @ and a file that can be read"
	add(p, "token", &c.Tokens, readSecrets, aSecret, "`token` of every join, or @ and a file with one in each line, which are dealt out to the members in turn")
	add(p, "passcode", &c.Passcode, readSecret, aSecret, "`passcode` of every join, or @ and a file with it")
	add(p, "api-key", &c.APIKey, readSecret, aSecret, "`key` of the HTTP API, or @ and a file with it; all sessions are then made through the API")
	p.flags.BoolFunc("verify", "judge delivery: every event once, in order, at every member; 8 bytes of memory a delivery", yes(p, "verify", &c.Verify))
}

// outputs defines what a run has to reach, and where that is told.
func (p *parser) outputs() {
	c, t := p.command, &p.command.Thresholds
	const aPercentage, aDuration = "a percentage such as 95", "a duration such as 200ms"
	add(p, "connection-success", &t.ConnectionSuccess, readPercent, aPercentage, "`percentage` of the connections that must succeed (default 95)")
	add(p, "message-success", &t.MessageSuccess, readPercent, aPercentage, "`percentage` of the messages that must succeed; the error rate is the rest (default 95)")
	add(p, "mean-latency", &t.MeanLatency, time.ParseDuration, aDuration, "`duration` that the mean latency may have (default 200ms)")
	add(p, "p99-latency", &t.P99Latency, time.ParseDuration, aDuration, "`duration` that 99 % of the latencies may have (default: not looked at)")
	text := func(s string) (string, error) { return s, nil }
	add(p, "json", &c.JSON, text, "", "`file` for the report as JSON; -: standard output, in place of the text")
	add(p, "html", &c.HTML, text, "", "`file` for the report as a page")
	p.flags.BoolFunc("quiet", "print no progress", yes(p, "quiet", &c.Quiet))
}

func (p *parser) targets(text string) error {
	for t := range strings.SplitSeq(text, ",") {
		if t = strings.TrimSpace(t); t != "" {
			p.command.Targets = append(p.command.Targets, t)
		}
	}
	return nil
}

// yes reads a flag that is there, or -flag=false.
func yes(p *parser, name string, into *bool) func(string) error {
	return func(text string) error {
		value, err := strconv.ParseBool(text)
		if err != nil {
			p.mistake("-%s=%s: must be true or false", name, text)
			return nil
		}
		*into = value
		return nil
	}
}

func readSize(text string) (s Size, err error) {
	least, most, isRange := strings.Cut(text, "-")
	if s.Least, err = strconv.Atoi(least); err != nil || !isRange {
		s.Most = s.Least
		return s, err
	}
	s.Most, err = strconv.Atoi(most)
	return s, err
}

func readPercent(text string) (float64, error) {
	value, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, "%")), 64)
	return value / 100, err
}

// readSecrets reads a secret, or the lines of a file.
func readSecrets(text string) ([]string, error) {
	secrets, err := readSecret(text)
	return strings.Fields(secrets), err
}

// readSecret reads a secret from the command line, or from a file: what stands on
// a command line other users of the machine can see.
func readSecret(text string) (string, error) {
	path, isFile := strings.CutPrefix(text, "@")
	if !isFile {
		return text, nil
	}
	data, err := os.ReadFile(path)
	return strings.TrimSpace(string(data)), err
}

package loadtest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// The exit codes of [Main].
const (
	exitPassed = 0
	exitMissed = 1 // a threshold
	exitUsage  = 2 // or the set-up
)

// Main is the command: it runs what the arguments say until it is done, or until
// ctx ends, writes the report, and returns the exit code.
func Main(ctx context.Context, args []string, stdout, stderr *os.File) int {
	c, err := Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		WriteUsage(stdout)
		return exitPassed
	case err != nil:
		fmt.Fprintf(stderr, "the flags have mistakes:\n%v\n", err)
		return exitUsage
	}
	report, err := c.run(ctx, stdout, stderr)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "loadtest: %v\n", err)
		return exitUsage
	case !report.Assessment.Passed:
		return exitMissed
	}
	return exitPassed
}

// run runs the command. The files are opened first: what took minutes to measure
// must not be lost for a directory that does not exist.
func (c *Command) run(ctx context.Context, stdout, stderr *os.File) (*Report, error) {
	out, err := c.open(stdout)
	if err != nil {
		return nil, err
	}
	defer out.close()
	if c.Gateway != "" {
		g, err := startGateway(ctx, c.Gateway, &c.Options)
		if err != nil {
			return nil, err
		}
		defer g.stop()
	}
	hide := func() {}
	if !c.Quiet {
		c.Progress, hide = shown(stderr, term.IsTerminal(int(stderr.Fd())))
	}
	report, err := Run(ctx, c.Options)
	hide()
	if err != nil {
		return nil, err
	}
	return report, out.write(report)
}

// outputs are where the report goes. A nil one is not asked for.
type outputs struct {
	text       io.Writer
	json, html io.Writer
	files      []*os.File
}

func (c *Command) open(stdout io.Writer) (*outputs, error) {
	o := &outputs{text: stdout}
	var errs []error
	file := func(flag, path string) io.Writer {
		f, err := os.Create(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("-%s: %w", flag, err))
			return nil
		}
		o.files = append(o.files, f)
		return f
	}
	switch c.JSON {
	case "":
	case "-":
		o.text, o.json = nil, stdout
	default:
		o.json = file("json", c.JSON)
	}
	if c.HTML != "" {
		o.html = file("html", c.HTML)
	}
	if len(errs) > 0 {
		o.close()
		return nil, errors.Join(errs...)
	}
	return o, nil
}

func (o *outputs) close() {
	for _, f := range o.files {
		f.Close() // what matters was written, or write failed
	}
}

func (o *outputs) write(r *Report) error {
	var errs []error
	if o.text != nil {
		errs = append(errs, r.WriteText(o.text))
	}
	if o.json != nil {
		e := json.NewEncoder(o.json)
		e.SetIndent("", "  ")
		errs = append(errs, e.Encode(r))
	}
	if o.html != nil {
		errs = append(errs, r.WriteHTML(o.html))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

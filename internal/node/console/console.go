// Package console is where a command talks to whoever started it: results as readable text or as JSON, a preview before every
// change, and the question whether to make it.
package console

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"
)

// Console is the command's side of the conversation.
type Console struct {
	In  io.Reader // answers
	Out io.Writer // results: what a script reads
	Err io.Writer // previews, questions and logs: what a person reads
	// Terminal tells whether a person sits at In, who can be asked.
	Terminal bool
	// Secret reads a line that is not shown; nil without a terminal.
	Secret func() (string, error)
}

// Standard is the console of this process.
func Standard() *Console {
	in := int(os.Stdin.Fd())
	c := &Console{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Terminal: term.IsTerminal(in)}
	if c.Terminal {
		c.Secret = func() (string, error) {
			b, err := term.ReadPassword(in)
			return string(b), err
		}
	}
	return c
}

// Output is how a command answers.
type Output struct {
	JSON bool `name:"json" help:"Answer with one JSON object (docs/guides/json.md): amounts are strings of the smallest unit."`
}

// Consent is how a command that changes something is allowed to.
type Consent struct {
	Output `embed:""`
	Yes    bool `short:"y" help:"Make the change without asking. Scripts need it."`
	DryRun bool `help:"Show what would happen, and do nothing."`
}

// Field is one labelled line of an answer.
type Field struct{ Label, Value string }

// Fields writes labelled lines, the values under each other.
func Fields(w io.Writer, fields []Field) {
	widest := 0
	for _, f := range fields {
		widest = max(widest, len(f.Label))
	}
	for _, f := range fields {
		lines := wrap(f.Value, max(lineWidth-widest-4, 40))
		for i, line := range lines {
			label := f.Label
			if i > 0 {
				label = ""
			}
			_, _ = fmt.Fprintf(w, "  %-*s  %s\n", widest, label, line)
		}
	}
}

// lineWidth is how wide running text may get.
const lineWidth = 110

// wrap breaks text between words.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// Table writes rows under a header, in columns.
func Table(w io.Writer, header []string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		_, _ = fmt.Fprintf(t, "  %s\n", strings.Join(row, "\t"))
	}
	_ = t.Flush() // as with every write here: a reader that has gone is no error of the command
}

// Answer writes a result: as JSON, or by say for people.
func (c *Console) Answer(o Output, result any, say func(w io.Writer)) error {
	if !o.JSON {
		say(c.Out)
		return nil
	}
	e := json.NewEncoder(c.Out)
	e.SetIndent("", "  ")
	return e.Encode(result)
}

// Plan is a change before it is made.
type Plan struct {
	Title    string  // one line: what will happen
	Facts    []Field // what it costs, earns, locks
	Warnings []string
}

// ErrDeclined is what Confirm returns when a person says no.
var ErrDeclined = errors.New("nothing was changed")

// ErrDryRun is what Confirm returns when the change was only to be shown.
var ErrDryRun = errors.New("dry run: nothing was changed")

// Confirm shows a plan and asks whether to go on; nil means yes.
func (c *Console) Confirm(consent Consent, plan Plan) error {
	c.show(plan)
	switch {
	case consent.DryRun:
		return ErrDryRun
	case consent.Yes:
		return nil
	case !c.Terminal:
		return fmt.Errorf("%w: there is no terminal to ask at; say --yes to make the change above, or --dry-run to look only", ErrDeclined)
	}
	_, _ = fmt.Fprint(c.Err, "Go on? [y/N] ")
	answer, err := bufio.NewReader(c.In).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: no answer: %w", ErrDeclined, err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return ErrDeclined
}

func (c *Console) show(plan Plan) {
	_, _ = fmt.Fprintf(c.Err, "%s\n\n", plan.Title)
	Fields(c.Err, plan.Facts)
	if len(plan.Facts) > 0 {
		_, _ = fmt.Fprintln(c.Err)
	}
	for _, warning := range plan.Warnings {
		for i, line := range wrap(warning, lineWidth-4) {
			mark := "  ! "
			if i > 0 {
				mark = "    "
			}
			_, _ = fmt.Fprintf(c.Err, "%s%s\n", mark, line)
		}
	}
	if len(plan.Warnings) > 0 {
		_, _ = fmt.Fprintln(c.Err)
	}
}

// Password asks for a secret; twice where it is a new one.
func (c *Console) Password(prompt string, isNew bool) (string, error) {
	if c.Secret == nil {
		return "", fmt.Errorf("%s: there is no terminal to ask at; name a file whose first line is the password (--password-file)", prompt)
	}
	ask := func(what string) (string, error) {
		_, _ = fmt.Fprintf(c.Err, "%s: ", what)
		s, err := c.Secret()
		_, _ = fmt.Fprintln(c.Err)
		if err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
		return s, nil
	}
	password, err := ask(prompt)
	if err != nil || !isNew {
		return password, err
	}
	again, err := ask("The same again")
	if err != nil {
		return "", err
	}
	if again != password {
		return "", errors.New("the two passwords differ: nothing was written")
	}
	return password, nil
}

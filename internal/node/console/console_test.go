package console_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"castnet/internal/node/console"
)

func fake(answers string, terminal bool) (*console.Console, *bytes.Buffer, *bytes.Buffer) {
	var out, err bytes.Buffer
	return &console.Console{In: strings.NewReader(answers), Out: &out, Err: &err, Terminal: terminal}, &out, &err
}

func TestConfirm(t *testing.T) {
	plan := console.Plan{
		Title: "Delegate 12.5 CAST to Rosa", Facts: []console.Field{{"Costs", "0.1 ETH"}, {"Comes back", "7 days after you ask"}},
		Warnings: []string{"it may be slashed"},
	}
	for name, c := range map[string]struct {
		answers  string
		terminal bool
		consent  console.Consent
		want     error
	}{
		"yes":             {"y\n", true, console.Consent{}, nil},
		"YES":             {" YES \n", true, console.Consent{}, nil},
		"yes without end": {"y", true, console.Consent{}, nil},
		"no":              {"n\n", true, console.Consent{}, console.ErrDeclined},
		"enter":           {"\n", true, console.Consent{}, console.ErrDeclined},
		"gone":            {"", true, console.Consent{}, console.ErrDeclined},
		"no terminal":     {"y\n", false, console.Consent{}, console.ErrDeclined},
		"--yes":           {"", false, console.Consent{Yes: true}, nil},
		"--dry-run":       {"y\n", true, console.Consent{DryRun: true}, console.ErrDryRun},
		"both":            {"y\n", true, console.Consent{DryRun: true, Yes: true}, console.ErrDryRun},
	} {
		con, out, shown := fake(c.answers, c.terminal)
		err := con.Confirm(c.consent, plan)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if name == "no terminal" && !strings.Contains(err.Error(), "--yes") {
			t.Errorf("the refusal must name --yes: %v", err)
		}
		for _, want := range []string{"Delegate 12.5 CAST", "Costs       0.1 ETH\n", "! it may be slashed"} {
			if !strings.Contains(shown.String(), want) {
				t.Errorf("%s: the preview lacks %q:\n%s", name, want, shown)
			}
		}
		if out.Len() != 0 {
			t.Errorf("%s: a preview is no result: %s", name, out)
		}
	}
}

func TestAnswer(t *testing.T) {
	result := struct {
		Stake string `json:"stake"`
	}{"5"}
	say := func(w io.Writer) { console.Table(w, []string{"NAME", "STAKE"}, [][]string{{"Rosa", "5 CAST"}}) }
	con, out, _ := fake("", false)
	if err := con.Answer(console.Output{JSON: true}, result, say); err != nil || !json.Valid(out.Bytes()) || !strings.Contains(out.String(), `"stake": "5"`) {
		t.Errorf("%v: %s", err, out)
	}
	con, out, _ = fake("", false)
	if err := con.Answer(console.Output{}, result, say); err != nil || out.String() != "  NAME  STAKE\n  Rosa  5 CAST\n" {
		t.Errorf("%v: %q", err, out)
	}
}

func TestFieldsWrap(t *testing.T) {
	var b bytes.Buffer
	console.Fields(&b, []console.Field{{"Short", strings.Repeat("word ", 40)}, {"A longer label", "x"}})
	for line := range strings.Lines(b.String()) {
		if len(line) > 112 {
			t.Errorf("%d characters: %s", len(line), line)
		}
	}
	if !strings.Contains(b.String(), "\n                  word") {
		t.Errorf("the second line is not under the first:\n%s", &b)
	}
}

func TestPassword(t *testing.T) {
	con, _, _ := fake("", false)
	if _, err := con.Password("Password of treasury", false); err == nil || !strings.Contains(err.Error(), "--password-file") {
		t.Errorf("without a terminal: %v", err)
	}
	typed := []string{"hunter2", "hunter2", "hunter2", "hunter3"}
	con.Secret = func() (string, error) {
		s := typed[0]
		typed = typed[1:]
		return s, nil
	}
	if p, err := con.Password("New password", true); err != nil || p != "hunter2" {
		t.Errorf("%q, %v", p, err)
	}
	if _, err := con.Password("New password", true); err == nil {
		t.Error("two different passwords were taken")
	}
}

package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"castnet/internal/node/settings"
)

// commands are nested as those of castnet are.
type commands struct {
	Config kong.ConfigFlag

	Broadcaster struct {
		HTTP string   `name:"http"`
		Push []string `sep:"none"`
	} `cmd:""`
	Orchestrator struct {
		Run struct {
			Listen string
			Store  string
		} `cmd:""`
		Token struct {
			Listen string
		} `cmd:""`
	} `cmd:""`
	Transcoder struct {
		Run struct {
			Listen string
		} `cmd:"" default:"withargs"`
	} `cmd:""`
	Store struct {
		Check struct{} `cmd:""`
	} `cmd:""`
}

func parse(t *testing.T, file string, args ...string) (commands, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "castnet.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	var c commands
	parser, err := kong.New(&c, kong.Name("castnet"), kong.Configuration(settings.YAML))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(append(args, "--config", path))
	return c, err
}

// A section is a command's, whether the command does the work itself, or one below it does, named or not.
func TestYAMLFlags(t *testing.T) {
	const file = `
listen: everywhere
store: redis://all
broadcaster: {http: 127.0.0.1:1, push: [a, b]}
orchestrator:
  listen: orchestrators
  run: {listen: one}
transcoder: {listen: transcoders}
store:
`
	for _, test := range []struct {
		args []string
		want string
		got  func(c *commands) string
	}{
		{[]string{"broadcaster"}, "127.0.0.1:1 a+b", func(c *commands) string { return c.Broadcaster.HTTP + " " + strings.Join(c.Broadcaster.Push, "+") }},
		{[]string{"orchestrator", "run"}, "one redis://all", func(c *commands) string { return c.Orchestrator.Run.Listen + " " + c.Orchestrator.Run.Store }},
		{[]string{"orchestrator", "token"}, "orchestrators", func(c *commands) string { return c.Orchestrator.Token.Listen }},
		{[]string{"orchestrator", "token", "--listen", "here"}, "here", func(c *commands) string { return c.Orchestrator.Token.Listen }},
		{[]string{"transcoder"}, "transcoders", func(c *commands) string { return c.Transcoder.Run.Listen }},
		{[]string{"transcoder", "run"}, "transcoders", func(c *commands) string { return c.Transcoder.Run.Listen }},
	} {
		c, err := parse(t, strings.TrimSuffix(file, "store:\n"), test.args...)
		if got := test.got(&c); err != nil || got != test.want {
			t.Errorf("%v: %q, %v; want %q", test.args, got, err, test.want)
		}
	}
	if c, err := parse(t, "", "orchestrator", "run"); err != nil || c.Orchestrator.Run.Listen != "" {
		t.Errorf("an empty file: %+v, %v", c, err)
	}
}

// What would be without effect is refused by its name.
func TestYAMLFlagsAreChecked(t *testing.T) {
	for file, want := range map[string]string{
		"lissen: x":                      "no flag --lissen",
		"transcoder: {http: x}":          "castnet transcoder has no flag --http",
		"orchestrator: {run: {push: x}}": "castnet orchestrator run has no flag --push",
		"orchestrators: {listen: x}":     "no command orchestrators",
		"transcoder: {token: {}}":        "castnet transcoder has no command token",
		"[":                              "configuration file",
		"- a":                            "configuration file",
	} {
		if _, err := parse(t, file, "transcoder"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}

// Package guides runs the guides in docs/guides as their readers would: every command as it is printed, in order, in a shell, with the
// real program against a real chain.
package guides

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Step is one thing that a guide asks for.
type Step struct {
	Line int
	// Commands is a shell block as printed; empty for a Stage direction.
	Commands string
	// Shows is what the guide says that the commands print; empty if it says nothing.
	Shows []string
	// Fails says that the commands are meant to be refused.
	Fails bool
	// Stage is a direction to the test, from a comment `<!-- test: … -->`: what the reader would wait for or get from elsewhere.
	Stage []string
}

// Parse reads a guide: fenced blocks of sh are commands, a fenced block of text right after one is what they print.
func Parse(markdown string) ([]Step, error) {
	var steps []Step
	lines := strings.Split(markdown, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		switch {
		case strings.HasPrefix(line, "<!-- test: "):
			words := strings.Fields(strings.TrimSuffix(strings.TrimPrefix(line, "<!-- test: "), "-->"))
			steps = append(steps, Step{Line: i + 1, Stage: words})
		case line == "```sh" || line == "```text":
			end := slices.IndexFunc(lines[i+1:], func(l string) bool { return strings.TrimSpace(l) == "```" })
			if end < 0 {
				return nil, fmt.Errorf("line %d: this block has no end", i+1)
			}
			body := lines[i+1 : i+1+end]
			if line == "```sh" {
				steps = addCommands(steps, Step{Line: i + 1, Commands: strings.Join(body, "\n")})
			} else if last := len(steps) - 1; last >= 0 && steps[last].Commands != "" && steps[last].Shows == nil {
				steps[last].Shows = body
			} else {
				return nil, fmt.Errorf("line %d: this output follows no commands", i+1)
			}
			i += 1 + end
		}
	}
	return steps, nil
}

// addCommands appends commands; a direction before them that they fail becomes part of them.
func addCommands(steps []Step, step Step) []Step {
	if last := len(steps) - 1; last >= 0 && slices.Equal(steps[last].Stage, []string{"fails"}) {
		step.Fails = true
		steps = steps[:last]
	}
	return append(steps, step)
}

// Missing finds the first shown line that the output does not have in its place; ok if there is none. What varies from run to run (every
// word with a digit in it: addresses, times, prices) may be any with a digit, a path in /home any path.
func Missing(shown []string, output string) (line string, ok bool) {
	rest := strings.Split(output, "\n")
	for _, want := range shown {
		if strings.TrimSpace(want) == "" || strings.TrimSpace(want) == "…" {
			continue
		}
		pattern := loose(want)
		found := false
		for len(rest) > 0 && !found {
			found = pattern.MatchString(rest[0])
			rest = rest[1:]
		}
		if !found {
			return want, false
		}
	}
	return "", true
}

// loose matches a line, whatever its numbers and its spacing. A word of the guide may be cut short by an ellipsis.
func loose(line string) *regexp.Regexp {
	var words []string
	for word := range strings.FieldsSeq(line) {
		switch {
		case strings.HasSuffix(word, "…"):
			words = append(words, regexp.QuoteMeta(strings.TrimSuffix(word, "…"))+`.*`)
		case strings.HasPrefix(word, "/home/"):
			words = append(words, `/\S+`)
		case strings.ContainsAny(word, "0123456789"):
			words = append(words, `\S*\d\S*`)
		default:
			words = append(words, regexp.QuoteMeta(word))
		}
	}
	return regexp.MustCompile(`^\s*` + strings.Join(words, `\s+`) + `\s*$`)
}

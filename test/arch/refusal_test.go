package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"castnet/internal/node/broadcasting"
	"castnet/internal/node/orchestrating"
)

// flagsOf are the flags of a command.
func flagsOf(t *testing.T, command any) map[string]bool {
	t.Helper()
	flagParser, err := kong.New(command, kong.Vars{"state": t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	flags := make(map[string]bool)
	for _, f := range flagParser.Model.Flags {
		flags[f.Name] = true
	}
	return flags
}

// refusal is a Refusal as the source has it: what is said of each field, string constants joined.
type refusal struct {
	at     string
	fields map[string]string
}

// refusals finds them in a room and the rooms below it.
func refusals(t *testing.T, room string) (found []refusal) {
	t.Helper()
	files := token.NewFileSet()
	err := filepath.WalkDir(filepath.Join("..", "..", room), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.CompositeLit); ok && named(literal.Type) == "Refusal" {
				found = append(found, refusal{files.Position(literal.Pos()).String(), fields(literal)})
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func named(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// fields are a literal's, each with the text and the name of a code in it; one without is there, too.
func fields(literal *ast.CompositeLit) map[string]string {
	all := make(map[string]string)
	for _, e := range literal.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		var text []string
		ast.Inspect(pair.Value, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					s, _ := strconv.Unquote(n.Value)
					text = append(text, s)
				}
			case *ast.Ident: // a code
				if strings.HasPrefix(n.Name, "Code") {
					text = append(text, n.Name)
				}
			}
			return true
		})
		all[named(pair.Key)] = strings.Join(text, "…")
	}
	return all
}

// TestRefusalsNameFlags: a knob that a refusal names is a flag of the role that has it, written as one types it.
func TestRefusalsNameFlags(t *testing.T) {
	var orchestrator struct{ orchestrating.Config }
	var broadcaster struct{ broadcasting.Config }
	roles := map[string]map[string]bool{"orchestrator": flagsOf(t, &orchestrator), "broadcaster": flagsOf(t, &broadcaster)}
	flag := regexp.MustCompile(`--[a-z][a-z0-9-]*`)
	word := regexp.MustCompile(`[a-z0-9]+(-[a-z0-9]+)+`)
	command := regexp.MustCompile(`castnet [a-z ]+--[a-z-]+`) // of another command
	seen := 0
	for room, role := range map[string]string{
		"probabilistic-payments": "", "orchestrator": "orchestrator", "broadcaster": "broadcaster", "ingest": "broadcaster",
	} {
		for _, r := range refusals(t, room) {
			for _, text := range []string{r.fields["Knob"], r.fields["Message"]} {
				text = command.ReplaceAllString(text, "")
				of := role
				for who := range roles {
					if strings.Contains(text, "the "+who+"'s --") {
						of = who
					}
				}
				for _, f := range flag.FindAllString(text, -1) {
					seen++
					if !roles[of][strings.TrimPrefix(f, "--")] {
						t.Errorf("%s: %q is no flag of %q: %q", r.at, f, of, text)
					}
				}
				for _, w := range word.FindAllString(flag.ReplaceAllString(text, ""), -1) {
					if roles["orchestrator"][w] || roles["broadcaster"][w] {
						t.Errorf("%s: the flag --%s is written without its dashes: %q", r.at, w, text)
					}
				}
				if strings.Contains(text, "knob is") {
					t.Errorf("%s: a knob that is not a flag: %q", r.at, text)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d flags were found in refusals: is the test looking at the right files?", seen)
	}
}

// TestRefusalsSayHowMuch: one that is about a limit says what was asked, what is allowed, and what changes it.
func TestRefusalsSayHowMuch(t *testing.T) {
	limits := []string{
		"CodeFeeLimit", "CodeFaceLimit", "CodeOutstandingLimit", "CodeNoDeposit", "CodeReserveShort", "CodeDebt", "CodeLate",
	}
	found := 0
	for _, r := range refusalsByCode(t, "probabilistic-payments", limits) {
		found++
		for _, field := range []string{"Asked", "Limit", "Knob"} {
			if _, ok := r.fields[field]; !ok && r.fields["Message"] != "face value above the lease's" && !strings.HasPrefix(r.fields["Message"], "the store has lost") {
				t.Errorf("%s: %q says no %s", r.at, r.fields["Message"], field)
			}
		}
	}
	if found < len(limits) {
		t.Errorf("only %d refusals of limits were found", found)
	}
}

// refusalsByCode are those with one of some codes.
func refusalsByCode(t *testing.T, room string, codes []string) (some []refusal) {
	t.Helper()
	for _, r := range refusals(t, room) {
		if slices.Contains(codes, r.fields["Code"]) {
			some = append(some, r)
		}
	}
	return some
}

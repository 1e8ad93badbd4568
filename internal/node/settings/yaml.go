// Package settings reads the flags of castnet's commands from a configuration file.
package settings

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// YAML reads a configuration file: flags by their names, at the top level or below the names of their command: below
// `orchestrator:` and, where they are for that alone, below `run:` in it. The closest to the command counts.
func YAML(r io.Reader) (kong.Resolver, error) {
	var file section
	if err := yaml.NewDecoder(r).Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("configuration file: %w (--config)", err)
	}
	return file, nil
}

// section is a part of a configuration file: flags, and the sections of commands.
type section map[string]any

// Resolve finds a flag's value; kong.Resolver.
func (s section) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (value any, _ error) {
	var path []string
	for n := parent.Node(); n != nil && n.Type == kong.CommandNode; n = n.Parent {
		path = append([]string{n.Name}, path...)
	}
	for {
		if v, ok := s[flag.Name]; ok && !isSection(v) {
			value = plain(v)
		}
		if len(path) == 0 {
			return value, nil
		}
		s, _ = s[path[0]].(section)
		path = path[1:]
	}
}

// Validate refuses what is neither a flag nor a command: it would be without effect, and nobody would know; kong.Resolver.
func (s section) Validate(app *kong.Application) error { return s.check(app.Node, app.Node) }

func (s section) check(at, app *kong.Node) error {
	for _, name := range slices.Sorted(maps.Keys(s)) {
		inner, nested := s[name].(section)
		if !nested {
			if !takes(at, name) && !slices.ContainsFunc(app.Flags, named(name)) {
				return fmt.Errorf("configuration file: castnet%s has no flag --%s (--config)", strings.TrimPrefix(at.FullPath(), app.Name), name)
			}
			continue
		}
		i := slices.IndexFunc(at.Children, func(n *kong.Node) bool { return n.Name == name })
		if i < 0 {
			return fmt.Errorf("configuration file: castnet%s has no command %s (--config)", strings.TrimPrefix(at.FullPath(), app.Name), name)
		}
		if err := inner.check(at.Children[i], app); err != nil {
			return err
		}
	}
	return nil
}

// takes tells whether a command, or one below it, has a flag.
func takes(at *kong.Node, flag string) bool {
	return slices.ContainsFunc(at.Flags, named(flag)) || slices.ContainsFunc(at.Children, func(n *kong.Node) bool { return takes(n, flag) })
}

func named(name string) func(*kong.Flag) bool {
	return func(f *kong.Flag) bool { return f.Name == name }
}

func isSection(v any) bool {
	_, ok := v.(section)
	return ok
}

// plain gives a value as the command line would: kong parses text into everything.
func plain(v any) any {
	if list, ok := v.([]any); ok {
		return list
	}
	return fmt.Sprint(v)
}

package node

import (
	"fmt"
	"io"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// YAMLFlags reads a configuration file: flags by their names, at the top level or below the name of their command.
func YAMLFlags(r io.Reader) (kong.Resolver, error) {
	var file map[string]any
	if err := yaml.NewDecoder(r).Decode(&file); err != nil {
		return nil, fmt.Errorf("configuration file: %w (--config)", err)
	}
	return kong.ResolverFunc(func(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
		if node := parent.Node(); node != nil {
			if own, ok := file[node.Name].(map[string]any); ok {
				if v, ok := own[flag.Name]; ok {
					return plain(v), nil
				}
			}
		}
		if v, ok := file[flag.Name]; ok {
			return plain(v), nil
		}
		return nil, nil
	}), nil
}

// plain gives a value as the command line would: kong parses text into everything.
func plain(v any) any {
	if list, ok := v.([]any); ok {
		return list
	}
	return fmt.Sprint(v)
}

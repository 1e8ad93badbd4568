package node

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// streamKeys maps stream keys to the public ids of the streams that they publish: it implements broadcaster.Keys.
type streamKeys map[string]string

// Stream returns the stream that a key publishes.
func (k streamKeys) Stream(key string) (string, bool) {
	id, ok := k[key]
	return id, ok
}

// readKeys reads "KEY ID" lines, # begins a comment. demo adds the key demo of the stream demo.
func readKeys(path string, demo bool) (streamKeys, error) {
	keys := streamKeys{}
	if demo {
		keys["demo"] = "demo"
	}
	if path == "" {
		return keys, nil
	}
	file, err := os.Open(path) //nolint:gosec // the operator's own file
	if err != nil {
		return nil, fmt.Errorf("stream keys: %w (--keys)", err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		switch len(fields) {
		case 0:
			continue
		case 2:
		default:
			return nil, fmt.Errorf("stream keys: %s:%d: want KEY and ID, found %d words (--keys)", path, n, len(fields))
		}
		if !validID(fields[1]) {
			return nil, fmt.Errorf("stream keys: %s:%d: id %q: allowed are 1 to 64 of a-z, 0-9, - and _ (--keys)", path, n, fields[1])
		}
		if _, twice := keys[fields[0]]; twice {
			return nil, fmt.Errorf("stream keys: %s:%d: this key stands there twice (--keys)", path, n)
		}
		keys[fields[0]] = fields[1]
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("stream keys: %s: %w (--keys)", path, err)
	}
	return keys, nil
}

func validID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	return !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

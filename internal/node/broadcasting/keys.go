package broadcasting

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/restream"
	"castnet/ingest/rtsp"
)

// streamKeys is what the file of the stream keys says: it implements broadcaster.Keys.
type streamKeys struct {
	ids     map[string]string // the public ids of the streams, by the keys that publish them
	targets []restream.Target // where streams are pushed on to
	sources []rtsp.Source     // where streams are pulled from
}

// Stream returns the stream that a key publishes.
func (k *streamKeys) Stream(key string) (string, bool) {
	id, ok := k.ids[key]
	return id, ok
}

// demo is a stream that anybody may publish, and its key, which is no secret.
const demo = "demo"

// readKeys reads a line for each key:
//
//	KEY ID [push=URL] [push:RENDITION=URL] … [pull=URL] [pull:tcp=URL] [pull:udp=URL]
//
// push names servers that the stream is pushed on to, pull an RTSP server that it is pulled from. A word that begins with # begins a comment. No error shows a key or a URL, which may hold one. withDemo adds the
// key demo of the stream demo.
func readKeys(path string, withDemo bool) (*streamKeys, error) {
	keys := &streamKeys{ids: make(map[string]string)}
	if withDemo {
		keys.ids[demo] = demo
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
		if err := keys.add(lines.Text()); err != nil {
			return nil, fmt.Errorf("stream keys: %s:%d: %w (--keys)", path, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("stream keys: %s: %w (--keys)", path, err)
	}
	return keys, nil
}

// add takes one line.
func (k *streamKeys) add(line string) error {
	fields := strings.Fields(line)
	for i, word := range fields {
		if word[0] == '#' {
			fields = fields[:i]
			break
		}
	}
	switch len(fields) {
	case 0:
		return nil
	case 1:
		return errors.New("want KEY and ID, found one word")
	}
	key, id := fields[0], fields[1]
	if !validID(id) {
		return fmt.Errorf("id %q: allowed are 1 to 64 of a-z, 0-9, - and _", id)
	}
	if _, twice := k.ids[key]; twice {
		return errors.New("this key stands there twice")
	}
	k.ids[key] = id
	for i, word := range fields[2:] {
		if err := k.option(key, id, word); err != nil {
			return fmt.Errorf("word %d: %w", i+3, err)
		}
	}
	return nil
}

// option takes one word after a key and its id.
func (k *streamKeys) option(key, id, word string) error {
	option, address, _ := strings.Cut(word, "=")
	what, how, one := strings.Cut(option, ":")
	switch {
	case what == "push" && (!one || how != ""):
		t := restream.Target{Stream: id, Rendition: cmp.Or(how, playback.SourceName), URL: address}
		k.targets = append(k.targets, t)
		return t.Check()
	case what == "pull" && (!one || how != ""):
		s := rtsp.Source{Key: key, URL: address, Transport: how}
		k.sources = append(k.sources, s)
		return s.Check()
	default:
		return errors.New("allowed after KEY and ID are push=URL, push:RENDITION=URL, pull=URL, pull:tcp=URL and pull:udp=URL")
	}
}

func validID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	return !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

package broadcasting

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	read := func(text string) (*streamKeys, error) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return readKeys(file, true)
	}
	keys, err := read("# all of them\n\nSECRET one # a comment\n" +
		"cam three pull:tcp=rtsp://viewer:x@c/garden\n" +
		"other#key two push=rtmp://a/live/KEY push:480p=srt://b:9000?streamid=%23!::r=x,m=publish\n")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"demo": "demo", "SECRET": "one", "other#key": "two", "nobody": ""} {
		if id, ok := keys.Stream(key); id != want || ok != (want != "") {
			t.Errorf("%s is the key of %q", key, id)
		}
	}
	if len(keys.targets) != 2 || keys.targets[0].Rendition != "source" || keys.targets[1].Rendition != "480p" || keys.targets[1].Stream != "two" {
		t.Errorf("targets %+v", keys.targets)
	}
	if len(keys.sources) != 1 || keys.sources[0].Key != "cam" || keys.sources[0].Transport != "tcp" {
		t.Errorf("sources %+v", keys.sources)
	}
	for text, says := range map[string]string{
		"SECRET":                            ":1: want KEY and ID",
		"\nSECRET One":                      ":2: id",
		"SECRET one\nSECRET two":            ":2: this key stands there twice",
		"SECRET one two":                    "push=URL",
		"SECRET one push:=rtmp://a/b/c":     "push=URL",
		"SECRET one push=http://a/b/SECRET": "rtmp://HOST/APP/KEY",
		"SECRET one push=srt://a/SECRET":    "srt://HOST:PORT",
		"SECRET one pull=http://a/SECRET":   "rtsp://USER:PASSWORD@HOST",
		"SECRET one pull:x=rtsp://a/SECRET": "tcp or udp",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

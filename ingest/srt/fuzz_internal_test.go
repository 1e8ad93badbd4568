package srt

import (
	"strings"
	"testing"
)

// FuzzKeyOf reads any stream id: a key stands in it as it is found.
func FuzzKeyOf(f *testing.F) {
	for _, id := range []string{"publish:demo", "#!::r=live/demo,m=publish", "#!::m=publish,r=a=b,u=c", "#!::", "read:x", ""} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if key := keyOf(id); !strings.Contains(id, key) || strings.HasPrefix(id, "#!::") && strings.Contains(key, ",") {
			t.Fatalf("%q: %q", id, key)
		}
	})
}

package srt

import "testing"

func TestKeyOf(t *testing.T) {
	for id, want := range map[string]string{
		"publish:demo": "demo", "publish:": "", "demo": "", "": "", "read:demo": "", "publish:a,m=b": "a,m=b",
		"#!::r=demo,m=publish": "demo", "#!::m=publish,u=me,r=live/demo": "demo", "#!::r=demo": "", "#!::r=demo,m=request": "", "#!::m=publish": "", "#!::": "",
	} {
		if got := keyOf(id); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}

package main

import (
	"testing"
	"time"
)

// A soak of no time would have no figures to judge.
func TestSettings(t *testing.T) {
	for _, c := range []struct {
		minutes, pause string
		want           schedule // none: refused
	}{
		{"", "", schedule{time.Hour, 0}},
		{"0.5", "3", schedule{30 * time.Second, 3 * time.Second}},
		{"1", "0", schedule{time.Minute, 0}},
		{"0", "", schedule{}},
		{"-1", "", schedule{}},
		{"NaN", "", schedule{}},
		{"an hour", "", schedule{}},
		{"1", "-1", schedule{}},
		{"1", "NaN", schedule{}},
	} {
		t.Setenv("SOAK_MINUTES", c.minutes)
		t.Setenv("SOAK_PAUSE", c.pause)
		if got, err := settings(); got != c.want || (err == nil) != (c.want != schedule{}) {
			t.Errorf("SOAK_MINUTES=%s SOAK_PAUSE=%s: %v, %v; want %v", c.minutes, c.pause, got, err, c.want)
		}
	}
}

package playback_test

import (
	"testing"

	"castnet/broadcaster/playback"
)

// TestPlaceOf: what one customer has is one place.
func TestPlaceOf(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.7:4000": "192.0.2.7/32", "[::ffff:192.0.2.7]:4000": "192.0.2.7/32",
		"[2001:db8:1:2:3:4:5:6]:4000": "2001:db8:1:2::/64", "[fe80::1%eth0]:4000": "fe80::/64",
		"": "invalid Prefix", "@": "invalid Prefix",
	} {
		if got := playback.PlaceOf(remote).String(); got != want {
			t.Errorf("%q is at %s, want %s", remote, got, want)
		}
	}
}

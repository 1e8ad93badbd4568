package node

import "testing"

// TestLadder: what is not understood as a whole is refused, not taken in part.
func TestLadder(t *testing.T) {
	ladder, err := parseLadder("1280x720@2500000, 854x480@1200000")
	if err != nil {
		t.Fatal(err)
	}
	if got := ladder(1280, 720); len(got) != 2 || got[1].Width != 854 || got[1].Bitrate != 1_200_000 {
		t.Errorf("%+v", got)
	}
	if got := ladder(854, 480); len(got) != 1 || got[0].Name != "480p" {
		t.Errorf("of a source of 480 lines: %+v", got)
	}
	for _, bad := range []string{"854x480@1200000k", "854x480@1200000:av1", "854x480", "854x480@", "x", "854x480@1200000,"} {
		if _, err := parseLadder(bad); err == nil {
			t.Errorf("%q: taken", bad)
		}
	}
}

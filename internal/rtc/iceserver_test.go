package rtc_test

import (
	"strings"
	"testing"

	"castnet/internal/rtc"
)

// TestICEServersKeepPasswords: what is written wrongly is refused, without the password.
func TestICEServersKeepPasswords(t *testing.T) {
	for _, text := range []string{
		"", `turn:a:1 USER SEC"RET`, "nonsense:a USER SECRET", "turn:a:1 USER SECRET more", "turn:a:1", "stun:a:1 USER SECRET",
	} {
		if _, err := rtc.ParseICEServers([]string{text}); err == nil || strings.Contains(err.Error(), "SEC") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

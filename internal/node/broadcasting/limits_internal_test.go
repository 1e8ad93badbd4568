package broadcasting

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"castnet/internal/ports"
)

// TestTrustedProxies: addresses and networks are read, anything else is refused by the flag's name. (The limits are
// unexported, so this test is inside.)
func TestTrustedProxies(t *testing.T) {
	l := Limits{TrustedProxies: []string{"192.0.2.7", "10.0.0.0/8", "fd00::1"}}
	got, err := l.proxies()
	want := ports.Proxies{netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::1/128")}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"proxy.example", "10.0.0.0/33", ""} {
		l.TrustedProxies = []string{bad}
		if _, err := l.proxies(); err == nil || !strings.Contains(err.Error(), "--trusted-proxy") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

package ports_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"castnet/internal/ports"
)

func TestProxies(t *testing.T) {
	ours := ports.Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("127.0.0.1/32")}
	const same = ""
	for name, tc := range map[string]struct {
		peer, forwardedFor, forwarded string
		want                          string
	}{
		"no proxy":                      {"192.0.2.1:5", "198.51.100.7", "for=198.51.100.7", same},
		"a proxy that says nothing":     {"10.1.2.3:5", "", "", same},
		"a proxy":                       {"10.1.2.3:5", "198.51.100.7", "", "198.51.100.7:0"},
		"by IPv6":                       {"[fd00::1]:5", "2001:db8::1", "", "[2001:db8::1]:0"},
		"mapped":                        {"[::ffff:10.1.2.3]:5", "::ffff:198.51.100.7", "", "198.51.100.7:0"},
		"what the client wrote":         {"10.1.2.3:5", "203.0.113.9, 198.51.100.7", "", "198.51.100.7:0"},
		"proxy behind proxy":            {"10.1.2.3:5", "198.51.100.7, 10.9.9.9", "", "198.51.100.7:0"},
		"with a port":                   {"127.0.0.1:5", "198.51.100.7:4711", "", "198.51.100.7:0"},
		"proxies alone":                 {"10.1.2.3:5", "10.0.0.1", "", same},
		"garbage":                       {"10.1.2.3:5", "198.51.100.7, x", "", same},
		"RFC 7239":                      {"10.1.2.3:5", "", `for=203.0.113.9, for="[2001:db8::17]:47";proto=https;by=10.1.2.3`, "[2001:db8::17]:0"},
		"hidden":                        {"10.1.2.3:5", "", "for=_hidden", same},
		"both, alike":                   {"10.1.2.3:5", "198.51.100.7", "for=198.51.100.7", "198.51.100.7:0"},
		"both, one is somebody's dream": {"10.1.2.3:5", "198.51.100.7", "for=203.0.113.9", same},
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			h := ours.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			r.RemoteAddr = tc.peer
			for name, value := range map[string]string{"X-Forwarded-For": tc.forwardedFor, "Forwarded": tc.forwarded} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			want := tc.want
			if want == same {
				want = tc.peer
			}
			if got != want || r.RemoteAddr != tc.peer {
				t.Errorf("seen as %s, want %s", got, want)
			}
		})
	}
}

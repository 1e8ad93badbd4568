package rtc

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// receiving is a connection that takes media, on a port of its own.
func receiving(t *testing.T) *webrtc.PeerConnection {
	t.Helper()
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	host, err := NewHost(udp, nil, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { _ = host.Close() })
	codecs := &webrtc.MediaEngine{}
	must(t, codecs.RegisterDefaultCodecs())
	pc, err := host.Receiver(codecs, &interceptor.Registry{}, func() {})
	must(t, err)
	t.Cleanup(func() { _ = pc.Close() })
	return pc
}

// publishing is a connection that offers a picture.
func publishing(t *testing.T) *webrtc.PeerConnection {
	t.Helper()
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	must(t, err)
	t.Cleanup(func() { _ = pc.Close() })
	_, err = pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	must(t, err)
	return pc
}

// answered is a connection that has answered an offer with those candidates, and what takes further ones.
func answered(t *testing.T, candidates string) (*webrtc.PeerConnection, *Candidates) {
	t.Helper()
	pc := receiving(t)
	offer, err := publishing(t).CreateOffer(nil)
	must(t, err)
	answer, err := Answer(t.Context(), pc, offer.SDP+candidates)
	must(t, err)
	return pc, NewCandidates(pc, answer)
}

// candidates are n lines of an SDP, of addresses at which nobody is. They are those from a port on.
func candidates(from, n int, end string) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "a=candidate:1 1 udp 1 127.99.99.99 %d typ host%s", from+i, end)
	}
	return out.String()
}

// remote counts the candidates that a connection has of the other end, once it has some and no more come: they are added beside.
func remote(t *testing.T, pc *webrtc.PeerConnection, least int) (n int) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.Now().Add(2 * time.Minute)
	for same := 0; same < 10; {
		<-tick.C
		now := 0
		for _, s := range pc.GetStats() {
			if c, ok := s.(webrtc.ICECandidateStats); ok && c.Type == webrtc.StatsTypeRemoteCandidate {
				now++
			}
		}
		switch {
		case time.Now().After(end):
			t.Fatalf("%d candidates came, expected were %d", now, least)
		case now >= least && now == n:
			same++
		default:
			same = 0
		}
		n = now
	}
	return n
}

func (c *Candidates) patch(t *testing.T, match, fragment string) (etag string, err error) {
	t.Helper()
	w := httptest.NewRecorder()
	err = c.Patch(t.Context(), w, match, fragment)
	return w.Header().Get("ETag"), err
}

func status(err error) int {
	if refusal, ok := err.(*Refusal); ok { //nolint:errorlint // it is returned as it is
		return refusal.Status
	}
	return http.StatusOK
}

// TestCandidatesAreBounded: whoever it names, nobody has this side send requests to more than so many addresses, by an offer, by
// PATCH or by restarts that are none.
func TestCandidatesAreBounded(t *testing.T) {
	for _, end := range []string{"\r\n", "\n"} {
		pc, c := answered(t, candidates(2000, 100, end))
		if n := remote(t, pc, maxCandidates); n != maxCandidates {
			t.Errorf("%d candidates of an offer were taken (%q)", n, end)
		}
		if _, err := c.patch(t, c.ETag(), candidates(3000, 700, "\r\n")); err != nil {
			t.Error(err)
		}
		if n := remote(t, pc, maxCandidates); n != maxCandidates {
			t.Errorf("%d candidates were taken (%q)", n, end)
		}
	}

	pc, c := answered(t, candidates(2000, 10, "\r\n"))
	for from := 3000; from < 10_000; from += 700 {
		if _, err := c.patch(t, c.ETag(), candidates(from, 700, "\r\n")); err != nil {
			t.Error(err)
		}
	}
	if n := remote(t, pc, maxCandidates); n != maxCandidates {
		t.Errorf("%d candidates were taken", n)
	}
	const fresh = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
	for i := range 2 { // the second restarts nothing
		c.restarted = time.Time{}
		if _, err := c.patch(t, "*", fresh+candidates(20_000+i*700, 700, "\r\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.patch(t, c.ETag(), candidates(30_000+i*700, 700, "\r\n")); err != nil {
			t.Error(err)
		}
	}
	if n := remote(t, pc, maxCandidates); n != maxCandidates {
		t.Errorf("%d candidates were taken after a restart", n)
	}
}

// TestRestart: a restart is done or refused, nothing between: the credentials are those of the ETag, whatever the candidates are
// that come with it. One that follows at once is refused.
func TestRestart(t *testing.T) {
	pc, c := answered(t, "")
	before := c.ETag()
	const fresh = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
	etag, err := c.patch(t, "*", fresh+"a=candidate:nonsense\r\n"+candidates(2000, 1, "\r\n"))
	if err != nil || etag == before || etag != c.ETag() || etag != entityTag(pc.LocalDescription().SDP) {
		t.Fatalf("ETag %s after %s, of a session with %s: %v", etag, before, c.ETag(), err)
	}
	if n := remote(t, pc, 1); n != 1 {
		t.Errorf("%d candidates", n)
	}
	c.restarted = time.Now().Add(time.Hour) // however slow this machine is
	if _, err := c.patch(t, "*", fresh); status(err) != http.StatusTooManyRequests || c.ETag() != etag {
		t.Errorf("another restart at once: %v, ETag %s", err, c.ETag())
	}
	if _, err := c.patch(t, etag, "a=candidate:nonsense\r\n"); status(err) != http.StatusBadRequest {
		t.Errorf("a bad candidate: %v", err)
	}
}

// TestHalfARestart: where a restart fails once the old credentials are gone, candidates for them are refused, as RFC 9725 (section
// 4.3.1) has it for another ICE session's; asked for again, with the same credentials or with others, it is done. One that changes
// nothing leaves the session as it was.
func TestHalfARestart(t *testing.T) {
	pc, c := answered(t, "")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	half := func(fragment string) error {
		c.restarted = time.Time{}
		return c.Patch(gone, httptest.NewRecorder(), "*", fragment)
	}
	for i, again := range []string{"abcd", "efgh"} {
		before := c.ETag()
		if err := half("a=ice-ufrag:half\r\n"); status(err) != http.StatusBadRequest || c.ETag() != before {
			t.Errorf("without a password: %v, ETag %s", err, c.ETag())
		}
		credentials := func(ufrag string) string {
			return fmt.Sprintf("a=ice-ufrag:%s%d\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n", ufrag, i)
		}
		if err := half(credentials("abcd")); status(err) != http.StatusBadRequest {
			t.Errorf("for one who has gone: %v", err)
		}
		if _, err := c.patch(t, before, candidates(2000, 1, "\r\n")); status(err) != http.StatusPreconditionFailed {
			t.Errorf("a candidate for the credentials that are gone: %v", err)
		}
		c.restarted = time.Time{}
		etag, err := c.patch(t, "*", credentials(again))
		if err != nil || etag == before || etag != entityTag(pc.LocalDescription().SDP) {
			t.Fatalf("asked for again: ETag %s after %s: %v", etag, before, err)
		}
		if err := half(credentials(again)); status(err) != http.StatusBadRequest || c.ETag() != etag {
			t.Errorf("with the same credentials: %v, ETag %s after %s", err, c.ETag(), etag)
		}
		if _, err := c.patch(t, etag, candidates(2000, 1, "\r\n")); err != nil {
			t.Errorf("a candidate for those that it has: %v", err)
		}
	}
}

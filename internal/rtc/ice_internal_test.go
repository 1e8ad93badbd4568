package rtc

import (
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

// answered is a connection that has answered an offer with those candidates, and what takes further ones.
func answered(t *testing.T, candidates string) (*webrtc.PeerConnection, *Candidates) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(err)
	host, err := NewHost(udp, nil, slog.New(slog.DiscardHandler))
	must(err)
	t.Cleanup(func() { _ = host.Close() })
	codecs := &webrtc.MediaEngine{}
	must(codecs.RegisterDefaultCodecs())
	pc, err := host.Receiver(codecs, &interceptor.Registry{}, func() {})
	must(err)
	t.Cleanup(func() { _ = pc.Close() })

	other, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	must(err)
	t.Cleanup(func() { _ = other.Close() })
	_, err = other.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	must(err)
	offer, err := other.CreateOffer(nil)
	must(err)
	answer, err := Answer(t.Context(), pc, offer.SDP+candidates)
	must(err)
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
	end := time.Now().Add(20 * time.Second)
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
	for _, end := range []string{"\r\n", "\n", "\r"} {
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

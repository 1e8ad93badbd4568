package rtc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

const (
	// maxCandidates is how many candidates are taken for each of the other end's credentials, in its offer and after: to each of them
	// go up to eight requests by STUN from each of this side's, whoever is there.
	maxCandidates = 64
	// restartEvery is how often its ICE can be restarted, for which it has as many again.
	restartEvery = time.Second
)

// Candidates takes what the other end of a session PATCHes: candidates, and restarts of ICE (RFC 9725, sections 4.3.1 and 4.3.2).
type Candidates struct {
	pc *webrtc.PeerConnection

	mu        sync.Mutex // one ICE restart at a time
	tag       string     // empty while a restart that failed half way has left no credentials that both ends know
	taken     int        // candidates of the other end's credentials
	restarted time.Time  // when it was last asked for
}

// NewCandidates is of a connection that has been answered so.
func NewCandidates(pc *webrtc.PeerConnection, answer string) *Candidates {
	return &Candidates{pc: pc, tag: entityTag(answer), taken: strings.Count(pc.RemoteDescription().SDP, candidateLine)}
}

// ETag names the ICE credentials that candidates are for.
func (c *Candidates) ETag() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tag
}

// Patch takes a fragment, and answers: for the credentials of that ETag, or with new ones where match is *.
func (c *Candidates) Patch(ctx context.Context, w http.ResponseWriter, match, fragment string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch match {
	case "*":
		if time.Since(c.restarted) < restartEvery {
			return Refuse(http.StatusTooManyRequests, "ICE was restarted just now: it can be once in %v", restartEvery)
		}
		c.restarted = time.Now()
		restarted, err := c.restart(ctx, fragment)
		if err != nil {
			return Refuse(http.StatusBadRequest, "ICE cannot be restarted: %v", err)
		}
		w.Header().Set("ETag", c.tag)
		w.Header().Set("Content-Type", "application/trickle-ice-sdpfrag")
		_, _ = io.WriteString(w, restarted) // who has gone asks again
		return nil
	case c.tag:
		if err := c.trickle(fragment); err != nil {
			return Refuse(http.StatusBadRequest, "candidate refused: %v", err)
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	default:
		return Refuse(http.StatusPreconditionFailed, "the session's ETag is %s, not %s: ICE was restarted since", cmp.Or(c.tag, "none"), match)
	}
}

// entityTag is the ETag of a session with the ICE credentials of that SDP.
func entityTag(sdp string) string { return `"` + attribute(sdp, "ice-ufrag") + `"` }

// candidateLine is how an SDP's line of a candidate begins.
const candidateLine = "a=candidate:"

// trickle adds the candidates of an SDP fragment (RFC 8840), as many as may be. It returns what is wrong with the first bad one.
// Everything is bundled into the first section.
func (c *Candidates) trickle(fragment string) (bad error) {
	for line := range strings.Lines(fragment) {
		candidate, ok := strings.CutPrefix(strings.TrimSpace(line), candidateLine)
		if !ok {
			continue
		}
		if c.taken >= maxCandidates {
			break
		}
		c.taken++
		mid := "0"
		if err := c.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: "candidate:" + candidate, SDPMid: &mid}); err != nil && bad == nil {
			bad = err
		}
	}
	return bad
}

// restart makes the answer to an SDP fragment with other ICE credentials than before (RFC 9725, section 4.4.3): it takes
// the offer of the session with them, and returns this side's new credentials and candidates as a fragment.
func (c *Candidates) restart(ctx context.Context, fragment string) (string, error) {
	ufrag, password := attribute(fragment, "ice-ufrag"), attribute(fragment, "ice-pwd")
	if ufrag == "" || password == "" {
		return "", errors.New("the fragment has no a=ice-ufrag and a=ice-pwd")
	}
	before := c.pc.RemoteDescription().SDP
	var offer strings.Builder
	for line := range strings.Lines(before) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			line = "a=ice-ufrag:" + ufrag + "\r\n"
		case strings.HasPrefix(line, "a=ice-pwd:"):
			line = "a=ice-pwd:" + password + "\r\n"
		case strings.HasPrefix(line, candidateLine), strings.HasPrefix(line, "a=end-of-candidates"):
			continue
		}
		offer.WriteString(line)
	}
	answer, err := Answer(ctx, c.pc, offer.String())
	if err != nil {
		if attribute(c.pc.RemoteDescription().SDP, "ice-ufrag") != attribute(before, "ice-ufrag") {
			c.tag = "" // those that the other end knows are gone, and it does not know the new ones
		}
		return "", err
	}
	if tag := entityTag(answer); tag != c.tag { // or they were the credentials that it had
		c.tag, c.taken = tag, 0
	}
	_ = c.trickle(fragment) // it is restarted, whatever its candidates are worth
	var out strings.Builder
	fmt.Fprintf(&out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\nm=%s 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n",
		attribute(answer, "ice-ufrag"), attribute(answer, "ice-pwd"), firstSection(answer))
	seen := make(map[string]bool)
	for line := range strings.Lines(answer) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, candidateLine) && !seen[line] {
			seen[line] = true
			out.WriteString(line + "\r\n")
		}
	}
	out.WriteString("a=end-of-candidates\r\n")
	return out.String(), nil
}

// attribute is the value of the first a=name:value.
func attribute(sdp, name string) string {
	for line := range strings.Lines(sdp) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "a="+name+":"); ok {
			return value
		}
	}
	return ""
}

func firstSection(sdp string) string {
	_, after, _ := strings.Cut(sdp, "\nm=")
	kind, _, _ := strings.Cut(after, " ")
	return kind
}

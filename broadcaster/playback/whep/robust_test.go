package whep_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// ask sends a request to the viewer's session.
func (v *viewer) ask(method, match, body string) (status int, text string, header http.Header) {
	v.Helper()
	req, err := http.NewRequestWithContext(v.Context(), method, v.location, strings.NewReader(body))
	must(v.T, err)
	req.Header.Set("Content-Type", "application/trickle-ice-sdpfrag")
	if match != "" {
		req.Header.Set("If-Match", match)
	}
	res, err := http.DefaultClient.Do(req)
	must(v.T, err)
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	must(v.T, err)
	return res.StatusCode, string(all), res.Header
}

// attributes are the lines of an SDP that are about ICE: the credentials once, and every candidate.
func attributes(sdp string) (lines []string) {
	once := make(map[string]bool)
	for line := range strings.Lines(sdp) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "a=ice-ufrag:") || strings.HasPrefix(line, "a=ice-pwd:") || strings.HasPrefix(line, "a=candidate:") {
			if !once[line] {
				lines = append(lines, line)
			}
			once[line] = true
		}
	}
	return lines
}

// TestICE: a viewer tells its candidates one by one, then moves to other ICE credentials, as one does that changes networks; the
// pictures go on under the same numbers. It leaves twice.
func TestICE(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(200, 100, 0)
	r.publish(10)
	v := r.watch("?rendition=180p", webrtc.SettingEngine{})
	track := v.track()
	v.same(v.pictures(track, 10), r.rungs[1].Units)
	etag := v.header.Get("ETag")

	gathered := webrtc.GatheringCompletePromise(v.pc)
	<-gathered
	for _, line := range attributes(v.pc.LocalDescription().SDP) {
		if !strings.HasPrefix(line, "a=candidate:") {
			continue
		}
		if status, text, _ := v.ask(http.MethodPatch, etag, line+"\r\n"); status != http.StatusNoContent {
			t.Errorf("%s: %d %s", line, status, text)
		}
	}
	if status, text, _ := v.ask(http.MethodPatch, `"other"`, "a=end-of-candidates\r\n"); status != http.StatusPreconditionFailed || !strings.Contains(text, etag) {
		t.Errorf("candidates of other credentials: %d %s", status, text)
	}

	offer, err := v.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	must(t, err)
	gathered = webrtc.GatheringCompletePromise(v.pc)
	must(t, v.pc.SetLocalDescription(offer))
	<-gathered
	status, fragment, header := v.ask(http.MethodPatch, "*", strings.Join(attributes(v.pc.LocalDescription().SDP), "\r\n")+"\r\n")
	if status != http.StatusOK || header.Get("ETag") == etag {
		t.Fatalf("restart: %d, ETag %s: %s", status, header.Get("ETag"), fragment)
	}
	var answer strings.Builder
	for line := range strings.Lines(v.answer) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			answer.WriteString(strings.Join(attributes(fragment), "\r\n") + "\r\n")
		case strings.HasPrefix(line, "a=ice-pwd:"), strings.HasPrefix(line, "a=candidate:"):
		default:
			answer.WriteString(line)
		}
	}
	must(t, v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.String()}))
	if status, text, _ := v.ask(http.MethodPatch, etag, "a=end-of-candidates\r\n"); status != http.StatusPreconditionFailed {
		t.Errorf("candidates of the credentials before: %d %s", status, text)
	}
	r.play(20*time.Millisecond, nil)
	v.same(v.pictures(track, 150), r.rungs[1].Units[10:])

	for _, want := range []int{http.StatusOK, http.StatusNotFound} {
		// The session has gone as soon as its connection is closed, which DELETE does not wait for.
		for end := time.Now().Add(timeout); ; {
			status, text, _ := v.ask(http.MethodDelete, "", "")
			if status == want {
				break
			}
			if time.Now().After(end) || status != http.StatusOK {
				t.Fatalf("DELETE: %d %s, wanted %d", status, text, want)
			}
		}
	}
}

// TestHostileReports: who asks for key pictures without end makes one a second at most, who asks for packets without end gets
// what the limit is, and nobody else notices.
func TestHostileReports(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(200, 200, 0)
	r.publish(10)
	hostile := r.watch("?rendition=180p", webrtc.SettingEngine{})
	ssrc := uint32(hostile.track().SSRC())
	healthy := r.watch("?rendition=360p", webrtc.SettingEngine{})
	track := healthy.track()

	began := time.Now()
	await := r.play(15*time.Millisecond, nil)
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		pace := time.NewTicker(5 * time.Millisecond)
		defer pace.Stop()
		const rounds, plis, pairs = 400, 8, 200 // 3,200 key pictures and 680,000 packets a second
		for round := range rounds {
			nack := &rtcp.TransportLayerNack{MediaSSRC: ssrc}
			for i := range pairs {
				nack.Nacks = append(nack.Nacks, rtcp.NackPair{PacketID: uint16((round*pairs + i) * 17), LostPackets: 0xffff})
			}
			flood := []rtcp.Packet{nack}
			for range plis {
				flood = append(flood, &rtcp.PictureLossIndication{MediaSSRC: ssrc}, &rtcp.FullIntraRequest{MediaSSRC: ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc}}})
			}
			_ = hostile.pc.WriteRTCP(flood)
			<-pace.C
		}
	}()
	healthy.same(healthy.pictures(track, 190), r.rungs[0].Units)
	await()
	<-flooded

	most := 1 + int(time.Since(began)/time.Second)
	keys := 0
	for len(r.keys) > 0 {
		if <-r.keys == 1 {
			keys++
		}
	}
	if keys == 0 || keys > most {
		t.Errorf("%d key pictures were asked for, at most %d may be", keys, most)
	}
	var received uint64
	for _, s := range hostile.pc.GetStats() {
		if s, ok := s.(webrtc.TransportStats); ok {
			received = s.BytesReceived
		}
	}
	// The whole stream once, and all the packets that may be repeated, as large as they can be.
	limit := uint64(800 * 1280 * (most + 1))
	for _, u := range r.rungs[1].Units {
		limit += 2 * uint64(len(u.Payload))
	}
	if received == 0 || received > limit {
		t.Errorf("it got %d bytes, at most %d may be sent", received, limit)
	}
}

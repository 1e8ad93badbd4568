package whep_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"castnet/broadcaster/playback/whep"
)

// TestPlaces: who has asked and does not come gives way to somebody who does, after a while.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(*whep.Config){
		"stream": func(c *whep.Config) { c.MaxViewers = 1 }, "address": func(c *whep.Config) { c.MaxPerAddress = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, limit)
			r.load(10, 5, 0)
			r.publish(10)
			offer := func() int {
				pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
				must(t, err)
				defer func() { must(t, pc.Close()) }()
				_, err = pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo)
				must(t, err)
				offer, err := pc.CreateOffer(nil)
				must(t, err)
				res, err := http.Post(r.url, "application/sdp", strings.NewReader(offer.SDP))
				must(t, err)
				must(t, res.Body.Close())
				return res.StatusCode
			}
			if first, second := offer(), offer(); first != 201 || second != 503 && second != 429 {
				t.Fatalf("the first is answered %d, the second %d", first, second)
			}
			again := time.NewTicker(100 * time.Millisecond)
			defer again.Stop()
			for end := time.After(8 * time.Second); offer() != 201; { // before the first one's 10 s are over
				select {
				case <-again.C:
				case <-end:
					t.Fatal("offers alone keep others out")
				}
			}
		})
	}
}

// TestAbuse: a player whose reports name ever more streams, which costs memory, is sent away.
func TestAbuse(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(10, 5, 0)
	r.publish(10)
	v := r.watch("", webrtc.SettingEngine{})
	v.track()
	closed := make(chan struct{})
	v.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateClosed {
			close(closed)
		}
	})
	report := &rtcp.ReceiverReport{}
	for i := range uint32(30) {
		report.Reports = append(report.Reports, rtcp.ReceptionReport{SSRC: i})
	}
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for end := time.After(timeout); ; {
		for i := range report.Reports {
			report.Reports[i].SSRC += 30
		}
		_ = v.pc.WriteRTCP([]rtcp.Packet{report}) // it may be closed
		select {
		case <-closed:
			return
		case <-pace.C:
		case <-end:
			t.Fatal("it may go on for ever")
		}
	}
}

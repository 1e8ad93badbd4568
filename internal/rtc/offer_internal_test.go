package rtc

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// TestNoDataChannels: who offers data channels beside its picture is connected, and can open none, whatever it says of their
// section.
func TestNoDataChannels(t *testing.T) {
	for name, end := range map[string]string{"as offered": "", "bundle only": "a=bundle-only\r\n"} {
		t.Run(name, func(t *testing.T) {
			pc, other := receiving(t), publishing(t)
			flood, err := other.CreateDataChannel("flood", nil)
			must(t, err)
			opened, connected := make(chan struct{}), make(chan struct{})
			var once sync.Once
			flood.OnOpen(func() { close(opened) })
			other.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
				if state == webrtc.PeerConnectionStateConnected {
					once.Do(func() { close(connected) })
				}
			})
			offer, err := other.CreateOffer(nil)
			must(t, err)
			gathered := webrtc.GatheringCompletePromise(other)
			must(t, other.SetLocalDescription(offer))
			<-gathered
			answer, err := Answer(t.Context(), pc, other.LocalDescription().SDP+end)
			must(t, err)
			must(t, other.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
			select {
			case <-connected:
			case <-time.After(2 * time.Minute):
				t.Fatal("never connected")
			}
			select {
			case <-opened:
				t.Error("a data channel is open")
			case <-time.After(time.Second):
			}
		})
	}
}

// TestBadOffers offers more sections than anybody has a use for, and candidates that are not counted as such.
func TestBadOffers(t *testing.T) {
	offer, err := publishing(t).CreateOffer(nil)
	must(t, err)
	_, section, _ := strings.Cut(offer.SDP, "m=")
	for more, says := range map[string]string{
		strings.Repeat("m="+section, maxSections): "17 sections",
		candidates(2000, 100, "\r") + "\n":        "parse",
	} {
		if _, err := Answer(t.Context(), receiving(t), offer.SDP+more); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("an offer that should not be taken for its %s: %v", says, err)
		}
	}
}

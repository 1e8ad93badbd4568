package rtc

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// TestNoDataChannels: who offers data channels beside its picture is connected, and can open none, whatever it says of their
// section. One would be open after two round trips: media and what is asked for back make fifty.
func TestNoDataChannels(t *testing.T) {
	for name, end := range map[string]string{"as offered": "", "bundle only": "a=bundle-only\r\n"} {
		t.Run(name, func(t *testing.T) {
			pc, other := receiving(t), publishing(t)
			flood, err := other.CreateDataChannel("flood", nil)
			must(t, err)
			var opened atomic.Int64
			flood.OnOpen(func() { opened.Add(1) })
			pc.OnDataChannel(func(*webrtc.DataChannel) { opened.Add(1) })
			pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
				for {
					if _, _, err := track.ReadRTP(); err != nil {
						return
					}
					_ = pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}})
				}
			})
			sender := other.GetSenders()[0]
			picture, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "picture", "clip")
			must(t, err)
			must(t, sender.ReplaceTrack(picture))
			offer, err := other.CreateOffer(nil)
			must(t, err)
			gathered := webrtc.GatheringCompletePromise(other)
			must(t, other.SetLocalDescription(offer))
			<-gathered
			answer, err := Answer(t.Context(), pc, other.LocalDescription().SDP+end)
			must(t, err)
			must(t, other.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))

			asked := make(chan struct{})
			go func() {
				for {
					if _, _, err := sender.ReadRTCP(); err != nil {
						return
					}
					select {
					case asked <- struct{}{}:
					case <-t.Context().Done():
						return
					}
				}
			}()
			deadline := time.After(2 * time.Minute)
			for n, trips := 0, 0; trips < 50; n++ {
				must(t, picture.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n)}, Payload: make([]byte, 20)}))
				select {
				case <-asked:
					trips++
				case <-time.After(20 * time.Millisecond): // not connected yet, or lost
				case <-deadline:
					t.Fatalf("%d round trips", trips)
				}
			}
			if opened.Load() > 0 || flood.ReadyState() == webrtc.DataChannelStateOpen {
				t.Error("a data channel is open")
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

package whep

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"castnet/internal/media"
	"castnet/internal/rtc"
)

// connection makes a peer connection that offers pictures, of which there are none where video is nil, and sound. There are no interceptors: repeating and
// reports are done by the feeds, on shared packets.
func connection(host *rtc.Host, video *media.Track, player rtc.Peer) (*webrtc.PeerConnection, error) {
	engine := &webrtc.MediaEngine{}
	next := webrtc.PayloadType(96)
	for _, c := range capabilities(video) {
		rtx := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: media.VideoClockRate, SDPFmtpLine: aptLine(next)}
		for _, codec := range []webrtc.RTPCodecParameters{
			{RTPCodecCapability: c, PayloadType: next}, {RTPCodecCapability: rtx, PayloadType: next + 1},
		} {
			if err := engine.RegisterCodec(codec, webrtc.RTPCodecTypeVideo); err != nil {
				return nil, err
			}
		}
		next += 2
	}
	opus := webrtc.RTPCodecParameters{RTPCodecCapability: capability(&media.Track{Codec: media.Opus}), PayloadType: 111}
	if err := engine.RegisterCodec(opus, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, err
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		extension := webrtc.RTPHeaderExtensionCapability{URI: rtc.CaptureExtension}
		if err := engine.RegisterHeaderExtension(extension, kind, webrtc.RTPTransceiverDirectionSendonly); err != nil {
			return nil, err
		}
	}
	numbers := webrtc.RTPHeaderExtensionCapability{URI: sdp.TransportCCURI}
	if err := engine.RegisterHeaderExtension(numbers, webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverDirectionSendonly); err != nil {
		return nil, err
	}
	return host.Sender(engine, player)
}

// capabilities are the ways in which a player may name a track's codec: H264 in whatever profile. Without a track it is any codec.
func capabilities(video *media.Track) []webrtc.RTPCodecCapability {
	if video == nil { // a section in no known codec is rejected, and with it go the ICE candidates that it holds
		var all []webrtc.RTPCodecCapability
		for _, codec := range []media.Codec{media.H264, media.VP8, media.VP9, media.AV1} {
			all = append(all, capability(&media.Track{Codec: codec}))
		}
		return all
	}
	own := capability(video)
	if video.Codec != media.H264 {
		return []webrtc.RTPCodecCapability{own}
	}
	var all []webrtc.RTPCodecCapability
	seen := make(map[string]bool)
	for _, profile := range []string{profileLevel(video), "42e01f", "42001f", "4d001f", "64001f"} {
		if seen[profile[:4]] {
			continue
		}
		seen[profile[:4]] = true
		own.SDPFmtpLine = h264Line(profile)
		all = append(all, own)
	}
	return all
}

// profileLevel is a track's profile-level-id (RFC 6184): the three bytes after the SPS's header. Constrained Baseline
// is written as browsers write it.
func profileLevel(t *media.Track) string {
	for nalu := range media.NALUs(t.Config) {
		if nalu[0]&0x1f != 7 || len(nalu) < 4 {
			continue
		}
		id := [3]byte(nalu[1:4])
		if id[0] == 0x42 && id[1]&0x40 != 0 {
			id[1] = 0xe0
		}
		return hex.EncodeToString(id[:])
	}
	return "42e01f"
}

func h264Line(profileLevel string) string {
	return "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profileLevel
}

// profileOf is the profile without the level, of a line as h264Line makes them.
func profileOf(line string) string {
	_, id, _ := strings.Cut(strings.ToLower(line), "profile-level-id=")
	return id[:min(4, len(id))]
}

func aptLine(of webrtc.PayloadType) string { return fmt.Sprintf("apt=%d", of) }

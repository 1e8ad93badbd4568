package rtpstream_test

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/ingest/rtpstream"
	"castnet/internal/media"
	"castnet/test/clip"
)

// The packets of a fuzzed stream: of each the distance to the one before in sequence numbers, in timestamps and in
// milliseconds, flags, the length of the payload, and the payload.
const (
	headerBytes = 7
	flagMarker  = 1
	flagSound   = 2
	flagReport  = 4
)

func appendPacket(to []byte, flags byte, ticks uint16, payload []byte) []byte {
	to = append(to, 1, flags, 33)
	to = binary.BigEndian.AppendUint16(to, ticks)
	return append(binary.BigEndian.AppendUint16(to, uint16(len(payload))), payload...)
}

// FuzzPackets takes any packets of any codec: what comes of them is in order.
func FuzzPackets(f *testing.F) {
	for _, c := range []clip.Coded{
		{Codec: media.H264, Args: []string{"-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "5"}},
		{Codec: media.HEVC, Args: []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"}},
		{Codec: media.VP8, Args: []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"}},
		{Codec: media.VP9, Args: []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"}},
		{Codec: media.AV1, Args: []string{"-c:v", "libsvtav1", "-preset", "12"}},
	} {
		c.Seconds, c.Filter = 1, "fps=10,scale=128:96,format=yuv420p"
		v, err := clip.MakeCoded(f.Context(), c)
		if err != nil {
			f.Fatal(err)
		}
		var packets []byte
		for _, u := range v.Units[:min(len(v.Units), 4)] {
			parts := payloads(c.Codec, u.Payload)
			for i, p := range parts {
				var marker byte
				if i == len(parts)-1 {
					marker = flagMarker
				}
				packets = appendPacket(packets, marker, 3000, p)
				packets = appendPacket(packets, flagSound|flagReport, 960, []byte{0xfc, 0xff, 0xfe})
			}
		}
		f.Add(byte(c.Codec), false, packets)
		f.Add(byte(c.Codec), true, packets)
	}
	metrics, err := ingest.NewMetrics(prometheus.NewRegistry(), "fuzz")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, codec byte, aac bool, packets []byte) {
		g := ingesttest.NewGate()
		sink, err := g.Publish(context.Background(), ingest.Request{Key: "demo"})
		if err != nil {
			t.Fatal(err)
		}
		s := rtpstream.New(sink, metrics)
		video, err := s.Video(media.H264+media.Codec(codec)%5, nil)
		if err != nil {
			t.Fatal(err)
		}
		sound, err := s.Opus(2)
		if aac {
			sound, err = s.AAC(&mpeg4audio.AudioSpecificConfig{Type: 2, SampleRate: 48_000, ChannelConfig: 2}, rtpstream.AACPacking{SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3})
		}
		if err != nil {
			t.Fatal(err)
		}
		sink.Close(feed(video, sound, packets))
		for codec, units := range (<-g.Sinks).Units {
			for i, u := range units {
				if len(u.Payload) == 0 || i > 0 && u.DTS <= units[i-1].DTS {
					t.Fatalf("%v unit %d: PTS %d, DTS %d after %d, %d bytes", codec, i, u.PTS, u.DTS, units[max(i-1, 0)].DTS, len(u.Payload))
				}
			}
		}
	})
}

// feed hands a fuzzed stream's packets on.
func feed(video, sound *rtpstream.Track, packets []byte) error {
	now := time.Unix(1_700_000_000, 0)
	var sequence [2]uint16
	var stamp [2]uint32
	for len(packets) >= headerBytes {
		h := packets[:headerBytes]
		n := min(int(binary.BigEndian.Uint16(h[5:])), len(packets)-headerBytes)
		payload := packets[headerBytes:][:n]
		packets = packets[headerBytes+n:]
		to, i := video, 0
		if h[1]&flagSound != 0 {
			to, i = sound, 1
		}
		now = now.Add(time.Duration(h[2]) * time.Millisecond)
		sequence[i] += uint16(int8(h[0]))
		stamp[i] += uint32(int32(int16(binary.BigEndian.Uint16(h[3:])))) << (h[1] >> 4)
		if h[1]&flagReport != 0 {
			to.Report(uint64(now.Unix())<<32+uint64(h[2])<<24, stamp[i])
		}
		p := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: h[1]&flagMarker != 0, SequenceNumber: sequence[i], Timestamp: stamp[i]}, Payload: payload}
		if _, err := to.Packet(p, now); err != nil {
			return err
		}
	}
	return nil
}

// payloads cuts an access unit into RTP payloads.
func payloads(codec media.Codec, unit []byte) [][]byte {
	const most = 400
	switch codec {
	case media.HEVC:
		return (&codecs.H265Payloader{}).Payload(most, unit)
	case media.VP8:
		return (&codecs.VP8Payloader{}).Payload(most, unit)
	case media.VP9:
		return (&codecs.VP9Payloader{}).Payload(most, unit)
	case media.AV1:
		return (&codecs.AV1Payloader{}).Payload(most, unit)
	default:
		return (&codecs.H264Payloader{}).Payload(most, unit)
	}
}

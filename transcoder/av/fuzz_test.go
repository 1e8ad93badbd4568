package av_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/av"
)

// FuzzSession feeds libav, through the glue, what a stream could hold: a crash of the process is a finding, and so is a
// session that says nothing. The input is split into units at every byte 0xfe.
func FuzzSession(f *testing.F) {
	for _, c := range sources() {
		v, err := clip.MakeCoded(f.Context(), kinds(c.Codec)[0].coded(c))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(c.Codec), byte(v.Track.Reorder), v.Track.Config, bytes.Join([][]byte{v.Units[0].Payload, v.Units[1].Payload}, []byte{0xfe}))
	}
	rung := transcoder.Ladder{{Name: "x", Codec: media.H264, Width: 160, Height: 90, Bitrate: 100_000, Divisor: 1}}
	f.Fuzz(func(t *testing.T, codec, reorder byte, config, data []byte) {
		track := &media.Track{
			Codec: media.H264 + media.Codec(codec)%5, ClockRate: media.VideoClockRate, Reorder: int(reorder % 17), Config: config,
		}
		s, err := av.Open(t.Context(), transcoder.SessionConfig{Ladder: rung})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		one := segment{start: transcoder.StartSegment{Track: track, Fresh: true}, drain: true}
		for i, payload := range bytes.SplitN(data, []byte{0xfe}, 16) {
			one.units = append(one.units, transcoder.WriteUnit{Unit: &media.Unit{PTS: int64(i) * 3000, Key: i == 0, Payload: payload}})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		go func() { _ = send(ctx, s, []segment{one}) }()
		for {
			out, err := s.Recv(ctx)
			if errors.Is(err, context.DeadlineExceeded) {
				t.Fatal("neither an end nor an error")
			}
			if err != nil {
				return
			}
			switch out.(type) {
			case transcoder.SegmentDone, transcoder.BadInput:
				return
			}
		}
	})
}
